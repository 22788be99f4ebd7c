package sim

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/fauxkube/fauxkube/sim/trace"
)

// openTrace starts the trace, if the configuration asks for one.
func (s *Simulation) openTrace() {
	if s.config.Trace == nil {
		return
	}
	s.trace = trace.NewWriter(s.config.Trace, trace.Header{
		Binary: binaryVersion(), Seed: s.config.Seed, Mode: s.config.Mode.String(),
		Scenario: fmt.Sprintf("%016x", s.config.Scenario), Start: s.config.Start.UTC().Format(time.RFC3339),
	})
}

func (s *Simulation) traceKind(k Kind, name string) {
	if s.trace != nil {
		s.trace.DefineKind(uint16(k), name)
	}
}

func (s *Simulation) traceProcess(id uint32, name string) {
	if s.trace != nil {
		s.trace.DefineProcess(id, name)
	}
}

func (s *Simulation) closeTrace() {
	if s.trace != nil && s.traceError == nil {
		s.traceError = s.trace.Close()
	}
}

// TraceError returns the first error that writing the trace met; it is final after Close.
func (s *Simulation) TraceError() error { return s.traceError }

// WriteRecent writes what Recent holds as a trace of its own, with the names that its records use.
func (s *Simulation) WriteRecent(w *trace.Writer) {
	for k, e := range s.kinds {
		w.DefineKind(uint16(k), e.name)
	}
	for _, p := range s.processes {
		w.DefineProcess(p.id, p.name)
	}
	for _, r := range s.Recent() {
		w.Record(r)
	}
}

// binaryVersion identifies the program: its module version and the commit it was built from.
func binaryVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Path + "@" + info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			version += " " + setting.Value
		}
	}
	return version + " " + info.GoVersion
}
