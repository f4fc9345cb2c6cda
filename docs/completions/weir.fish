# Completion of weir for fish; weir itself says what can follow. Put it into ~/.config/fish/completions, as weir.fish.
function __weir_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process) (commandline --current-token --cut-at-cursor)
    command weir complete -- $words[2..-1] 2>/dev/null
end
complete --command weir --arguments '(__weir_complete)'
