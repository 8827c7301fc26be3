"""What can be known of a playbook before the night: what is wrong with its text, its account, its permissions, its
channels, and what would mend it.
"""
