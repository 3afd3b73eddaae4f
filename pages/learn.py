"""How does weight sharing work? Short chapters that drive the real parts of the dashboard, and teachers' lessons."""

from app import state
from app.learn.chapters import CHAPTERS, contents
from app.learn.lesson import lesson
from app.lesson.make import make
from app.lesson.shelf import MAKE, shelf
from app.look.frame import header
from app.services import show_problem

header("learn")
asked, problem = state.read_choice(state.CHAPTER, [one.key for one in CHAPTERS])
view, other = state.read_choice(state.VIEW, [MAKE])
for one in (problem, other):
    if one:
        show_problem(one)
if asked:
    lesson(next(one for one in CHAPTERS if one.key == asked[0]), CHAPTERS)
elif view:
    make()
else:
    contents()
    shelf()
