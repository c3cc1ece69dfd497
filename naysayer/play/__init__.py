"""Stories: scripted runs as text files, for the terminal, the documentation and the tests.

language.py   which steps there are, and the parser: from a text to checked lines
stage.py      a simulated cluster under a script: leaders are found, links cut, requests sent one by one
running.py    carries out the steps of one story on one cluster, and describes what happened
texts.py      values, answers and messages as a story shows them
story.py      a whole story: its output written into its text, its healthy or broken twin, what it was expected to show
shipped.py    the stories that come with the package
"""

from naysayer.play.language import StoryError
from naysayer.play.story import Played, play_story

__all__ = ["Played", "StoryError", "play_story"]
