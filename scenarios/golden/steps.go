package golden

import (
	"bufio"
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Step is a command of the scenario and what was waited for after it.
type Step struct {
	At   time.Duration
	Name string
	// Command is a line of shell, or several.
	Command string
	// Code and Output are what the command ended with.
	Code   int
	Output []string
	// Waits are the conditions that were waited for, and when they were met.
	Waits []Wait
}

// Wait is a condition in shell and when it was first seen to hold.
type Wait struct {
	At        time.Duration
	Condition string
}

const (
	stepIndent = "          "
	conditionP = "condition met: "
)

var stepLine = regexp.MustCompile(`^ *(\d+\.\d{3})  (.*)$`)

// readSteps parses steps.txt: a line with an offset begins a step, or says when a condition was met; indented lines
// below it hold the command after $, and after rc= the exit status and the output.
func (t *Transcript) readSteps(data []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(data))
	inOutput := false
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if match := stepLine.FindStringSubmatch(line); match != nil {
			at, err := strconv.ParseFloat(match[1], 64)
			if err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
			if condition, ok := strings.CutPrefix(match[2], conditionP); ok {
				if len(t.Steps) == 0 {
					return fmt.Errorf("line %d: a condition before the first step", n)
				}
				step := &t.Steps[len(t.Steps)-1]
				step.Waits = append(step.Waits, Wait{At: seconds(at), Condition: condition})
				continue
			}
			t.Steps = append(t.Steps, Step{At: seconds(at), Name: match[2]})
			inOutput = false
			continue
		}
		if len(t.Steps) == 0 {
			return fmt.Errorf("line %d: %q before the first step", n, line)
		}
		step := &t.Steps[len(t.Steps)-1]
		text := strings.TrimPrefix(line, stepIndent)
		if command, ok := strings.CutPrefix(text, "$ "); ok && !inOutput && step.Command == "" {
			step.Command = command
			continue
		}
		if code, ok := strings.CutPrefix(text, "rc="); ok && !inOutput {
			number, output, _ := strings.Cut(code, " ")
			var err error
			if step.Code, err = strconv.Atoi(number); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
			inOutput = true
			text = output
		}
		if inOutput {
			step.Output = append(step.Output, strings.TrimRight(text, " "))
		} else {
			step.Command += "\n" + line
		}
	}
	return lines.Err()
}
