package framework

import (
	"errors"
	"slices"
	"strings"
)

// Code says what a plugin answered. The values and their meaning are those of k8s.io/kube-scheduler/framework.
type Code uint8

const (
	Success                      Code = iota
	Error                             // an internal error or a failed request
	Unschedulable                     // not now; preemption might help
	UnschedulableAndUnresolvable      // not now; preemption can't help
	Wait                              // Permit only: the pod waits
	Skip                              // PreFilter and PreScore: leave out Filter or Score; Bind: not mine
	Pending                           // rejected until something outside the scheduler happens
)

var codeNames = [...]string{"Success", "Error", "Unschedulable", "UnschedulableAndUnresolvable", "Wait", "Skip", "Pending"}

func (c Code) String() string { return codeNames[c] }

// Status is a plugin's answer. A nil *Status is Success. Statuses are immutable, so that one may stand for many nodes.
type Status struct {
	code    Code
	reasons []string
	err     error
	plugin  string
}

// NewStatus returns a status that names no plugin; the runtime adds the name of the plugin that returned it.
func NewStatus(code Code, reasons ...string) *Status { return &Status{code: code, reasons: reasons} }

// Rejection returns a status of a named plugin: what plugins allocate once and return often.
func Rejection(plugin string, code Code, reasons ...string) *Status {
	return &Status{code: code, reasons: reasons, plugin: plugin}
}

// AsStatus wraps an error; nil is Success.
func AsStatus(err error) *Status {
	if err == nil {
		return nil
	}
	return &Status{code: Error, err: err}
}

func (s *Status) Code() Code {
	if s == nil {
		return Success
	}
	return s.code
}

func (s *Status) IsSuccess() bool { return s == nil || s.code == Success }
func (s *Status) IsSkip() bool    { return s.Code() == Skip }
func (s *Status) IsWait() bool    { return s.Code() == Wait }
func (s *Status) IsError() bool   { return s.Code() == Error }

// IsRejected reports whether the pod was refused, as opposed to something having gone wrong.
func (s *Status) IsRejected() bool {
	c := s.Code()
	return c == Unschedulable || c == UnschedulableAndUnresolvable || c == Pending
}

// Plugin returns the name of the plugin that decided, if known.
func (s *Status) Plugin() string {
	if s == nil {
		return ""
	}
	return s.plugin
}

// WithPlugin returns the status with the plugin's name.
func (s *Status) WithPlugin(name string) *Status {
	if s == nil || s.plugin == name {
		return s
	}
	named := *s
	named.plugin = name
	return &named
}

// WithError returns the status with its cause.
func (s *Status) WithError(err error) *Status {
	caused := *s
	caused.err = err
	return &caused
}

// WithReason returns the status with one more reason.
func (s *Status) WithReason(reason string) *Status {
	more := *s
	more.reasons = append(slices.Clip(s.reasons), reason)
	return &more
}

// Reasons returns why, the cause's text first.
func (s *Status) Reasons() []string {
	if s == nil {
		return nil
	}
	if s.err != nil {
		return append([]string{s.err.Error()}, s.reasons...)
	}
	return s.reasons
}

// Message joins the reasons as users see them.
func (s *Status) Message() string {
	if s == nil {
		return ""
	}
	return strings.Join(s.Reasons(), ", ")
}

// AsError returns the cause, or the message as an error; nil for Success, Wait and Skip.
func (s *Status) AsError() error {
	if s.IsSuccess() || s.IsWait() || s.IsSkip() {
		return nil
	}
	if s.err != nil {
		return s.err
	}
	return errors.New(s.Message())
}

func (s *Status) String() string {
	if s == nil {
		return "Success"
	}
	return s.code.String() + ": " + s.Message()
}
