"""One file per action: what it is, its parameters, what it must read, what it wants to change, how to tell that it
worked, and how to undo it. Pure: an action never touches the cluster, it asks for reads and returns effects.

What several actions stand on, or what would make a file too long, is in a folder named after its subject.
"""
