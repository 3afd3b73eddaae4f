"""The names of every query parameter and session key: the only place that spells them."""

from __future__ import annotations

import streamlit as st

__all__ = [
    "AGAINST",
    "ARCHIVED",
    "AS",
    "ATTENTION_SEEN",
    "BERTVIZ",
    "BESIDE",
    "CELL",
    "CHANGE",
    "CHAPTER",
    "CLASS",
    "CLASS_AT",
    "CLASS_PROBLEM",
    "CLASS_VIEW",
    "COLUMNS",
    "CONFUSED",
    "COPIED",
    "COST",
    "DATA",
    "DATA_OPTIONS",
    "DATA_PROBLEM",
    "DATA_READ",
    "DATA_SEEN",
    "DATA_UPLOAD",
    "DATA_VERSION",
    "DEPTHS",
    "DESIGNS",
    "DESIGNS_FOUND",
    "DESIGNS_HISTORY",
    "DESIGNS_PROBLEM",
    "DESIGNS_URL",
    "DESIGNS_VERSION",
    "DESIGN_DIALOG",
    "DESIGN_DRAFT",
    "DESIGN_DRAFTS",
    "DESIGN_TAKEN",
    "DESIGN_TYPED",
    "DRAW",
    "FIELDS",
    "FIND",
    "FOUND_PAGE",
    "HEAD",
    "IDENTITY_PROBLEM",
    "KIND",
    "LANG",
    "LANGUAGE",
    "LAYER",
    "LEARNT",
    "LESSON",
    "LESSON_ANSWERS",
    "LESSON_DRAFT",
    "LESSON_OPENED",
    "LESSON_STEP",
    "LESSON_VERSION",
    "LIFT",
    "LINES",
    "LOOPS",
    "MAPS",
    "MATCH",
    "MEASURE",
    "METRIC",
    "NEWS_TOLD",
    "NEWS_WATCHED",
    "OF",
    "OF_EVERY_PAGE",
    "ON",
    "OPENED",
    "OVER",
    "PAGE",
    "PAGE_BEFORE",
    "PATCH",
    "PATCH_RUN",
    "PATCH_TEXT",
    "POSITIONS",
    "PRESENT",
    "PRESENTING",
    "QUALITY",
    "REFERENCE",
    "RUN",
    "RUNS",
    "RUNS_FORK",
    "RUNS_LOG",
    "RUNS_PROBLEM",
    "RUNS_SEEN",
    "SCALE",
    "SCHEME",
    "SEED",
    "SLOT",
    "SPEC",
    "SPLIT",
    "STACK",
    "STEP",
    "STRATEGY",
    "SWEEP",
    "TARGET",
    "TEMPERATURE",
    "TERM",
    "TEXT",
    "TOKENS",
    "TOP_K",
    "TOP_P",
    "TRAIN_BASE",
    "TRAIN_LINK",
    "VIEW",
    "VISITED",
    "WAY",
    "WEIGHT",
    "WHERE",
    "WITHOUT",
    "X",
    "field_key",
    "renew_fields",
]

# Query parameters.
SPEC = "spec"  # Design, Train: a config, as clps_core.spec writes it
STRATEGY = "strategy"  # Design, Train: repeated; the strategies compared
COPIED = "copied"  # Design: repeated; place of a strategy and what it was painted from, such as 2:albert-base
SEED = "seed"  # Train: repeated; the seeds compared
WAY = "way"  # Train: what is varied: strategies, fields (a sweep) or what a file says
SWEEP = "sweep"  # Train: the id of the sweep whose results are shown
RUNS = "runs"  # Runs, Compare, Depth, Try it: run ids, comma-separated
RUN = "run"  # Attention: one run id
FIELDS = "fields"  # Train, Compare: how what differs is drawn: each, lines, matters or strategy
OVER = "over"  # Train, Compare: the field whose interaction with the strategy is drawn, such as optim.learning_rate
X = "x"  # Compare, Depth: what the curves are drawn over: an axis of the live chart; loops or layers
REFERENCE = "reference"  # Compare: the design that the others are judged against, by its key, or best
COST = "cost"  # Compare: what quality is drawn against, such as parameters or cpu_seconds
SCALE = "scale"  # Compare: over what quality is drawn as lines: width, depth or loops
QUALITY = "quality"  # Compare: the quality whose time is compared, in the metric's unit as shown
MATCH = "match"  # Compare, Design: the design that another scheme is matched with: its key, or its place on Design
SCHEME = "scheme"  # Compare, Design: the scheme that is matched with it: a strategy, or a card's name
AS = "as"  # Compare, Design: in what both are equal: parameters, flops or kv_cache
CHANGE = "change"  # Compare, Design: the dials that may be turned for it, comma-separated; usual ones by default
TEXT = "text"  # Attention, Depth, Try it: the typed input (a task's options stand beside it under their own names)
TARGET = "target"  # Attention: the decoder target typed by the person; none means the model's own answer
VIEW = (
    "view"  # Attention: which view, such as grid, heads or lens; Runs: one comparison, or all runs; Learn: make, class
)
WHERE = "where"  # Runs: the search among all runs, as clps_core.finding reads it
COLUMNS = "columns"  # Runs: the columns of the table of all runs, comma-separated
FOUND_PAGE = "page"  # Runs: which page of the table of all runs
ARCHIVED = "archived"  # Runs: 1 to list archived runs, too
MAPS = "maps"  # Attention: each head, or what heads and layers come to, such as mean_heads or rollout
BERTVIZ = "bertviz"  # Attention: BertViz's view of heads or of the whole model
OF = "of"  # Attention: what is subtracted: runs, or the letter of a slot
AGAINST = "against"  # Attention: the layer that is subtracted from the others of its slot
KIND = "kind"  # Attention: encoder, decoder or cross
LAYER = "layer"  # Attention: the selected layer
HEAD = "head"  # Attention: the selected head
LIFT = "lift"  # Attention: 0 for maps whose faint weights are not made stronger
LINES = "lines"  # Attention: 1 for a head that is drawn as lines between tokens
CELL = "cell"  # Attention: the cell whose reading stays, as query and key from 0 on, such as 3-5
SLOT = "slot"  # Attention: the slot whose layers are compared, by its letter
STACK = "stack"  # Attention: the stack whose states are followed: encoder or decoder
POSITIONS = "positions"  # Attention: the tokens whose states are drawn, as places from 0 on, comma-separated
MEASURE = "measure"  # Attention: the figure by which heads are coloured, or how layers are compared: cosine or cka
STEP = "step"  # Attention: the training step whose kept attention is shown
CONFUSED = "confused"  # Compare: one or two run ids, whose confused classes are shown
BESIDE = "beside"  # Attention: a second run, beside the first; Design: a second design, as app.design.beside reads it
OPENED = "opened"  # Design: the place of the design that another one stands beside
CHAPTER = "chapter"  # Learn: the chapter that is open
TERM = "term"  # Glossary: the term that is asked for, by its key
FIND = "find"  # Glossary: the words that are searched for
ON = "on"  # Glossary: the page whose terms are listed, by its name
LANG = "lang"  # every page: the language that was chosen, by its catalogue's name
CLASS = "class"  # Learn: the code of a class: to join it, or for its teacher to see it
CLASS_VIEW = "show"  # Learn: what a teacher sees of a class: predictions, people, lessons or runs
PRESENT = "present"  # every page: 1 to show it to a room, large and without the side bar
LESSON = "lesson"  # every page: the lesson that is open, as clps_core.lessons writes it
LESSON_STEP = "lesson_step"  # every page: the number of its step, from 1 on; none: the lesson begins
OF_EVERY_PAGE = (PRESENT, LANG, LESSON, LESSON_STEP)
METRIC = "metric"  # Depth, Attention: the metric that is drawn
SPLIT = "split"  # Attention: the examples that parts are left out on: validation or test
DEPTHS = "depths"  # Depth: the numbers of loops that are evaluated, comma-separated; usual ones by default
DATA = "set"  # Data: the name of the data set that is opened
LOOPS = "loops"  # Attention, Depth, Try it: the number of loops at which one input is looked into
WEIGHT = "weight"  # Attention: the use of a weight whose tie is proved, such as decoder.0.q
WITHOUT = "without"  # Attention: repeated; what is left out, scaled or swapped, such as decoder.2.ffn
PATCH = "patch"  # Attention: repeated; what is put in from another pass, such as decoder.2=decoder.1
PATCH_TEXT = "patch_text"  # Attention: the input of that other pass; none means the same one
PATCH_RUN = "patch_run"  # Attention: other, where that pass is the other run's; none means the run's own
TEMPERATURE = "temperature"  # Try it: how tokens are drawn; none means the most probable one
TOP_K = "top_k"  # Try it: only the k most probable tokens are drawn
TOP_P = "top_p"  # Try it: only the fewest tokens with together this probability are drawn
DRAW = "draw"  # Try it: the seed of the draws
TOKENS = "tokens"  # Try it: how many tokens an answer has at most

# Session keys that are not a widget's.
LANGUAGE = "language"  # every page: the language that this session chose, by its catalogue's name; none: the browser's
PAGE = "page"  # every page: its name
LEARNT = "learnt"  # Learn: clps_core.learning.Progress of who looks
CLASS_AT = "class_at"  # Learn: the chapter that a class was last told of
CLASS_PROBLEM = "class_problem"  # Learn: a sentence from a callback, to show once
LESSON_OPENED = "lesson_opened"  # every page: app.lesson.opened.Opened, while a lesson is open
LESSON_ANSWERS = "lesson_answers"  # every page: clps_core.lesson_answers.Answers of who looks
LESSON_DRAFT = "lesson_draft"  # Learn: clps_core.lessons.Lesson that the form was filled from
LESSON_VERSION = "lesson_version"  # Learn: how often that form was filled from outside
VISITED = "visited"  # every page: page -> its address when it was last seen in this session, the last one last
PAGE_BEFORE = "page_before"  # every page: the name of the page that this session's last run drew
DESIGNS = "designs"  # Design: app.design.designs.Designs
DESIGNS_FOUND = "designs_found"  # Design: what the last visit with a bare address found
DESIGNS_HISTORY = "designs_history"  # Design: app.design.history.History
DESIGNS_URL = "designs_url"  # Design: the (spec, strategies, copied) this session last put into the URL
DESIGNS_VERSION = "designs_version"  # Design: how often the form was filled from outside
DESIGNS_PROBLEM = "designs_problem"  # Design: a sentence from a callback, for the run that follows it
DESIGN_DIALOG = "design_dialog"  # Design: the dialog that is open: "add", "papers", "beside", "run" or none
DESIGN_TAKEN = "design_taken"  # Design: spec of a design -> what it was beside this one, such as a run
DESIGN_DRAFT = "design_draft"  # Design: the strategy being put together, a text that can be read
DESIGN_DRAFTS = "design_drafts"  # Design: the drafts before it, the last one last
DESIGN_TYPED = "design_typed"  # Design: what stands in its text field, also where that cannot be read


def field_key(name: str) -> str:
    """The key of the Design form's widget ``name``; new after ``renew_fields``, so that it shows its default again."""
    return f"design_{name}_{st.session_state.get(DESIGNS_VERSION, 0)}"


def renew_fields() -> None:
    """Let the Design form start afresh from the values it is drawn with."""
    st.session_state[DESIGNS_VERSION] = st.session_state.get(DESIGNS_VERSION, 0) + 1


# Session keys of Data.
DATA_PROBLEM = "data.problem"  # a sentence from a callback, to show once
DATA_READ = "data.read"  # how many sources were looked at
DATA_SEEN = "data.seen"  # app.data.adding.Seen: what the source that is looked at holds
DATA_OPTIONS = "data.options"  # option of pictures or sounds -> its value, as chosen for that source
DATA_UPLOAD = "data.upload"  # (file id, path): the uploaded file, until it is added or replaced
DATA_VERSION = "data.version"  # how many data sets were added: the form starts afresh then

ATTENTION_SEEN = "attention.seen"  # dict of query parameters: Attention as this session left it

# Session keys of Train, Runs and Compare (widgets' own keys stand beside the widgets).
RUNS_SEEN = "runs.seen"  # list of run ids: what was shown last, for a visit without an address
RUNS_LOG = "runs.log"  # run id whose log is open
RUNS_FORK = "runs.fork"  # run id that a fork is put together of: its dialog is open
RUNS_PROBLEM = "runs.problem"  # a sentence to show once
TRAIN_BASE = "train.base"  # RunConfig: what the form was filled from, with fields it does not show
IDENTITY_PROBLEM = "identity.problem"  # every page, shared server: a sentence to show once
NEWS_WATCHED = "news.watched"  # every page: ids of the person's own runs that were active at the last look
PRESENTING = "presenting"  # every page: whether this session shows its pages to a room
NEWS_TOLD = "news.told"  # every page: ids of runs whose end this session has been told
TRAIN_LINK = "train.link"  # the address that the form was last filled from or wrote
