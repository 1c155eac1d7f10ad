"""Rules that hold at the same moment: each is raced, over real connections, against whatever could break it."""
