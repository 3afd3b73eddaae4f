"""How does weight sharing work? Short chapters that drive the real parts of the dashboard; lessons and classes."""

from app import state
from app.classes.joining import at_chapter, joining
from app.classes.room import VIEW, room, way_to_classes
from app.learn.chapters import CHAPTERS, contents
from app.learn.lesson import lesson
from app.lesson.make import make
from app.lesson.shelf import MAKE, shelf
from app.look.frame import header
from app.services import show_problem

header("learn")
asked, problem = state.read_choice(state.CHAPTER, [one.key for one in CHAPTERS])
view, other = state.read_choice(state.VIEW, [MAKE, VIEW])
for one in (problem, other):
    if one:
        show_problem(one)
if asked:
    at_chapter(asked[0])
    lesson(next(one for one in CHAPTERS if one.key == asked[0]), CHAPTERS)
elif view == (MAKE,):
    make()
elif view:
    room(CHAPTERS)
else:
    joining()
    way_to_classes()
    contents()
    shelf()
