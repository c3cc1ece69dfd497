#!/usr/bin/env bash
# A student's node in another language than the harness': echo, unique ids, and a store kept in the service lin-kv.
# It takes JSON apart by patterns, which is enough here: the harness writes it without spaces.
me="" count=0
declare -A asked # by the number of a question of ours: who asked us, and under which number

send() { printf '{"src":"%s","dest":"%s","body":{%s}}\n' "$me" "$1" "$2"; }

while IFS= read -r line; do
    [[ $line =~ \"src\":\"([^\"]*)\" ]] && from=${BASH_REMATCH[1]}
    [[ $line =~ \"type\":\"([^\"]*)\" ]] && kind=${BASH_REMATCH[1]}
    body=${line#*\"body\":\{}
    body=${body%\}\}}
    number="" answers=""
    [[ $body =~ \"msg_id\":([0-9]+) ]] && number=${BASH_REMATCH[1]}
    [[ $body =~ \"in_reply_to\":([0-9]+) ]] && answers=${BASH_REMATCH[1]}
    case $kind in
    init)
        [[ $body =~ \"node_id\":\"([^\"]*)\" ]] && me=${BASH_REMATCH[1]}
        echo "I am $me, process $$" >&2
        send "$from" "\"type\":\"init_ok\",\"in_reply_to\":$number"
        ;;
    echo)
        body=${body/\"msg_id\":$number/\"in_reply_to\":$number}
        send "$from" "${body/\"type\":\"echo\"/\"type\":\"echo_ok\"}"
        ;;
    generate)
        count=$((count + 1))
        send "$from" "\"type\":\"generate_ok\",\"in_reply_to\":$number,\"id\":\"$me-$EPOCHREALTIME-$count\""
        ;;
    read | write | cas)
        count=$((count + 1))
        asked[$count]="$from $number"
        send lin-kv "${body/\"msg_id\":$number/\"msg_id\":$count}"
        ;;
    *)
        if [[ -n ${asked[$answers]} ]]; then
            read -r client theirs <<<"${asked[$answers]}"
            unset "asked[$answers]"
            send "$client" "${body/\"in_reply_to\":$answers/\"in_reply_to\":$theirs}"
        fi
        ;;
    esac
done
