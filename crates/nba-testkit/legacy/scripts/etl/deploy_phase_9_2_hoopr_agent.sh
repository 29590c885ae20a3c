#!/bin/bash
# Starts, stops and shows the hoopR agent.
PID_FILE="logs/phase_9_2_hoopr_agent.pid"
case "$1" in
  start)
    mkdir -p logs
    nohup python3 "$(dirname "$0")/phase_9_2_hoopr_agent.py" > logs/phase_9_2_hoopr_agent.out 2>&1 &
    echo $! > "$PID_FILE"
    echo "started"
    ;;
  stop)
    # the agent's own workers are not told
    kill "$(cat "$PID_FILE")" 2>/dev/null
    rm -f "$PID_FILE"
    echo "stopped"
    ;;
  status)
    if [ -f "$PID_FILE" ] && ps -p "$(cat "$PID_FILE")" > /dev/null; then echo "running"; else echo "not running"; fi
    ;;
  *)
    echo "usage: $0 start|stop|status"
    exit 1
    ;;
esac
