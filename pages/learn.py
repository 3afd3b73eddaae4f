"""How does weight sharing work? Short chapters that drive the real parts of the dashboard."""

from app import state
from app.learn.chapters import CHAPTERS, contents
from app.learn.lesson import lesson
from app.look.frame import header
from app.services import show_problem

header("learn")
asked, problem = state.read_choice(state.CHAPTER, [one.key for one in CHAPTERS])
if problem:
    show_problem(problem)
if asked:
    lesson(next(one for one in CHAPTERS if one.key == asked[0]), CHAPTERS)
else:
    contents()
