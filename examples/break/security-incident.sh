#!/bin/sh
# Somebody tries passwords, from one address.
kubectl scale deployment/intruder --replicas=1 -n shop
