"""``pv completion``: what makes a shell complete commands, options, files and names.

Each script asks the program that was typed, with what stands on the line in its environment; it answers a kind and a
word a line, as `click.shell_completion` writes them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pvcheck.cli.output import show

NAMES = ("pv", "pvcheck")
"""The names of the command. Where it was started by the second, the first may be another program."""

BASH = """
_pv_completion() {
    local kind word
    COMPREPLY=()
    while IFS=, read -r kind word; do
        case $kind in
            plain) COMPREPLY+=("$word") ;;
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
        esac
    done < <(COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _PV_COMPLETE=bash_complete "$1" 2> /dev/null)
}
complete -F _pv_completion $names
"""
ZSH = """
#compdef $names
_pv_completion() {
    local kind word help
    local -a found
    found=()
    COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) _PV_COMPLETE=zsh_complete $words[1] 2> /dev/null |
        while IFS= read -r kind && IFS= read -r word && IFS= read -r help; do
            case $kind in
                plain) [[ $help == _ ]] && found+=("${word//:/\\\\:}") || found+=("${word//:/\\\\:}:$help") ;;
                dir) _path_files -/ ;;
                file) _path_files ;;
            esac
        done
    (( $#found )) && _describe -V 'pv' found
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _pv_completion "$@"
else
    compdef _pv_completion $names
fi
"""
FISH = """
function _pv_completion
    set -l program (commandline -opc)[1]
    set -lx _PV_COMPLETE fish_complete
    set -lx COMP_WORDS (commandline -cp)
    set -lx COMP_CWORD (commandline -t)
    for line in ($program 2> /dev/null)
        set -l part (string split -m 1 "," -- $line)
        switch $part[1]
            case plain
                echo $part[2]
            case dir
                __fish_complete_directories $part[2]
            case file
                __fish_complete_path $part[2]
        end
    end
end
for name in $names
    complete --no-files --command $name --arguments "(_pv_completion)"
end
"""
HOW = """
\b
bash  in ~/.bashrc:                 eval "$(pv completion bash)"
zsh   in ~/.zshrc, behind compinit: eval "$(pv completion zsh)"
fish  once:                         pv completion fish > ~/.config/fish/completions/pv.fish
"""
SCRIPTS = {"bash": BASH, "fish": FISH, "zsh": ZSH}


@click.command(epilog=HOW)
@click.argument("shell", type=click.Choice(sorted(SCRIPTS)))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands, options, files, codes, evaluators and ids."""
    names = NAMES[1:] if Path(sys.argv[0]).name == NAMES[1] else NAMES
    show(SCRIPTS[shell].strip().replace("$names", " ".join(names)).splitlines())
