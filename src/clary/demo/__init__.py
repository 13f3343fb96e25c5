"""The main job from end to end, as a user's program does it: train, deploy, predict, check, delete.

It knows Clary from outside only, through boto3's own clients, and would run against AWS as it stands.
"""
