package schedulerperf

import (
	"fmt"

	"github.com/fauxkube/fauxkube/sim"
)

// operation is an opcode with its fields. prepare fills in a workload's parameters and reads what the fields name.
type operation interface {
	prepare(e *environment) (step, error)
}

// step is an operation ready to run.
type step func(r *runner, t *sim.Task) error

// environment is what operations are prepared in.
type environment struct {
	*files
	testCase *Case
	params   *params
}

// operations makes an operation by its opcode.
var operations = map[string]func() operation{
	"createNodes":            func() operation { return &createNodes{} },
	"createNamespaces":       func() operation { return &createNamespaces{} },
	"createPods":             func() operation { return &createPods{} },
	"createPodSets":          func() operation { return &createPodSets{} },
	"createAny":              func() operation { return &createAny{} },
	"updateAny":              func() operation { return &updateAny{} },
	"deletePods":             func() operation { return &deletePods{} },
	"churn":                  func() operation { return &churn{} },
	"barrier":                func() operation { return &barrier{} },
	"sleep":                  func() operation { return &sleep{} },
	"startCollectingMetrics": func() operation { return &startCollecting{} },
	"stopCollectingMetrics":  func() operation { return &stopCollecting{} },
	"allocResourceClaims":    func() operation { return &needsHook{"allocResourceClaims"} },
	"createResourceClaims":   func() operation { return &needsHook{"createResourceClaims"} },
	"createResourceDriver":   func() operation { return &needsHook{"createResourceDriver"} },
}

func newOperation(opcode string) operation {
	if make := operations[opcode]; make != nil {
		return make()
	}
	return nil
}

// needsHook is an opcode of dynamic resource allocation: what it does is in upstream's Go code, and needs that of drivers.
type needsHook struct{ opcode string }

func (n *needsHook) prepare(*environment) (step, error) {
	return nil, fmt.Errorf("opcode %s needs a Go hook (dynamic resource allocation) and is not supported", n.opcode)
}

// collects reports whether an operation reports metrics when it ends.
func collects(op operation) bool {
	switch op := op.(type) {
	case *createPods:
		return op.CollectMetrics
	case *createPodSets:
		return op.CreatePodsOp.CollectMetrics
	case *stopCollecting:
		return true
	}
	return false
}
