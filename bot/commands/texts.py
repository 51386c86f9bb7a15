"""/help, and the words that several commands say."""

from bot.commands.base import Context
from bot.events import Answer
from bot.model import introduced

PRIVACY = (
    "Kept here: messages in channels where a character is active or that address one, the pictures in them, who wrote "
    "them, reactions to answers, and how each answer was made. They serve the conversation. They train a model only if "
    "you agree to it, and only where the platform allows it. /forget deletes what is yours."
)

HELP = """\
Post a picture where a character is active, or call one by name, and they answer in their own voice.
**/talk** a character, with words and a picture, anywhere
**/duet** two characters converse about a picture; write to steer them
**/character** add, remove, list, info: who is active in this channel
**/again** another answer · **/why** why they answered, and how · **/stop** the speaker or the duet · **/new** dialogue
**/privacy** what is kept · **/forget** delete what is yours"""


async def help_(ctx: Context) -> Answer:
    return Answer(f"{HELP}\n\n{await introduced(ctx.house)}")
