package scenarios

import (
	"io"
	"time"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/scenarios/observe"
	"github.com/fauxkube/fauxkube/sim"
)

// Options say how a scenario is run. The zero value is seed 0 in benchmark mode.
type Options struct {
	// Seed decides every draw.
	Seed uint64
	// Mode is sim.Benchmark unless set.
	Mode sim.Mode
	// Duration, where it is not 0, is how long the run lasts from the first step on, instead of what the scenario
	// needs. What is undecided then stays so.
	Duration time.Duration
	// Restore, where it is not nil, is a backup (the file's content) that the store begins with. Where the scenario says
	// nothing else, the run's clock starts when it was taken.
	Restore []byte
	// SkipUnknownKinds leaves out objects of manifests whose kind is not served; the report lists them.
	SkipUnknownKinds bool
	// Repeat is the command that the report names to repeat the run; the one for the scenario's file unless given.
	Repeat string
	// Explain names pods whose scheduling the report explains: namespace/name, or a pattern as web-* in any of them.
	Explain []string
	// Trace receives the binary trace (package sim/trace).
	Trace io.Writer
	// StepEnded is told the ID of each step that is done.
	StepEnded func(id string)
	// Progress is called every few thousand steps of the kernel, between two of them.
	Progress func(Progress)

	// Configure has the last word on the simulation's configuration, Topology on the cluster's.
	Configure func(*sim.Config)
	Topology  func(*cluster.Topology)
	// Started is told the simulation, and Placed the cluster on it, before the first step. Begun is called when the steps
	// begin, at step time 0.
	Started func(*sim.Simulation)
	Placed  func(*cluster.Cluster)
	Begun   func(sim.Time)
}

// Progress is how far a run is.
type Progress struct {
	// Simulated is the virtual time since the simulation's start.
	Simulated time.Duration
	// Steps counts the kernel's steps.
	Steps uint64
	// Pods counts pods by phase, without the phases that none is in.
	Pods []PhaseCount
	// Step is the step under way that began last, "boot" before the first.
	Step string
}

// PhaseCount is how many pods are in a phase.
type PhaseCount = observe.PhaseCount
