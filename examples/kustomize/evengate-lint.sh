#!/bin/sh
exec ${EVENGATE:-evengate} krm-function
