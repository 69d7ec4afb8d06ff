{
  programs.bash.completion.enable = true;
  programs.bash.interactiveShellInit = ''
    # Every line is kept at once, from all shells.
    shopt -s histappend
    HISTSIZE=100000
    PROMPT_COMMAND="history -a''${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
  '';
  environment.variables.EDITOR = "vim";
}
