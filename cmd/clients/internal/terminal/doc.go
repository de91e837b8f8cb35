// Package terminal holds what the subcommands share to speak with a person at a terminal.
//
// Report prints the error that ends a command, as age does: one line "error: what failed: why" and, where the error
// carries one, a second line "hint: what to do". WithHint attaches the hint where the cause is known, which may be far
// below the command. Several errors that are independent of each other, such as faults of the configuration, are lines of
// one text; each of them is an "error:".
//
//	command ──error──> Report ──Redact──> standard error
//
// Everything that Report prints passes through Redact, which removes passwords, tokens and keys: command lines and
// variables are quoted in errors, and the standard error of a container ends up in a log.
//
// Text that comes from the network or from the store, such as a client's name, passes through Printable before it is
// printed, so that it cannot send control sequences to the terminal.
//
// Progress is a line that says how much is done. It is written only when its output is a terminal. A caller that writes to
// the same terminal calls Clear first; the next step writes the line again.
//
// The package does not decide about colors, widths or languages, and does not read from the terminal.
package terminal
