#!/bin/sh
# Four times as many people search.
kubectl scale deployment/visitors --replicas=4 -n shop
