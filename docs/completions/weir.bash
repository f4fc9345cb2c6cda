# Completion of weir for bash; weir itself says what can follow. Source it, or put it into
# ~/.local/share/bash-completion/completions/weir.
_weir() {
    local line=${COMP_LINE:0:COMP_POINT} words current before='' breaks
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    current=${words[-1]}
    # What stands before the last character that breaks words for readline is on the line already.
    breaks=${COMP_WORDBREAKS//[^:=@]/}
    [[ -n $breaks ]] && before=${current%"${current##*[$breaks]}"}
    mapfile -t COMPREPLY < <(command weir complete -- "${words[@]:1}" 2>/dev/null | cut -f1)
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:] ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -o default -F _weir weir
