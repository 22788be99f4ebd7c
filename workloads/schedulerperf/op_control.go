package schedulerperf

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// sleep lets time pass.
type sleep struct {
	Opcode        string          `json:"opcode"`
	Duration      metav1.Duration `json:"duration"`
	DurationParam string          `json:"durationParam"`
}

func (o *sleep) prepare(e *environment) (step, error) {
	d, err := durationOf(o.Duration.Duration, o.DurationParam, e.params)
	return func(_ *runner, t *sim.Task) error { t.Sleep(d); return nil }, err
}

// Stages that a barrier waits for.
const (
	scheduled = "Scheduled" // the pod has a node
	attempted = "Attempted" // or at least a verdict
)

// barrier waits for pods that nobody waited for when they were created.
type barrier struct {
	Opcode           string            `json:"opcode"`
	Namespaces       []string          `json:"namespaces"`
	LabelSelector    map[string]string `json:"labelSelector"`
	StageRequirement string            `json:"stageRequirement"`
}

func (o *barrier) prepare(*environment) (step, error) {
	if s := o.StageRequirement; s != "" && s != scheduled && s != attempted {
		return nil, fmt.Errorf("invalid stageRequirement %s: want %s or %s", s, scheduled, attempted)
	}
	return o.run, nil
}

func (o *barrier) run(r *runner, t *sim.Task) error {
	namespaces := o.Namespaces
	if len(namespaces) == 0 {
		namespaces = sortedKeys(r.awaited)
	}
	for _, namespace := range namespaces {
		want, known := r.awaited[namespace]
		if !known {
			return fmt.Errorf("unknown namespace %s", namespace)
		}
		if err := r.wait(t, namespace, o.LabelSelector, want, o.StageRequirement == attempted); err != nil {
			return err
		}
	}
	if o.StageRequirement != attempted {
		for _, namespace := range namespaces {
			delete(r.awaited, namespace)
		}
	}
	return nil
}

// How upstream waits for pods (executor.go, waitUntilPodsScheduledInNamespace).
const (
	pollPeriod = time.Second
	pollLimit  = 10 * time.Minute
)

// wait waits until so many pods of a namespace have a node, or a verdict where that is enough.
func (r *runner) wait(t *sim.Task, namespace string, selector map[string]string, want int, verdict bool) error {
	end := r.now().Add(pollLimit)
	for {
		reached, pending := r.reached(namespace, selector, verdict)
		switch {
		case reached >= want:
			return nil
		case r.now() >= end && pending == nil:
			return fmt.Errorf("namespace %s: %d of %d pods after %v", namespace, reached, want, pollLimit)
		case r.now() >= end:
			return fmt.Errorf("namespace %s: %d of %d pods after %v; pod %s is pending: %s", namespace, reached, want, pollLimit, pending.Name, why(pending))
		}
		t.Sleep(pollPeriod)
	}
}

// reached counts a namespace's pods that have a node, or a verdict of the scheduler where that is enough, and names one that has not.
func (r *runner) reached(namespace string, selector map[string]string, verdict bool) (reached int, pending *corev1.Pod) {
	for _, o := range r.cluster.Store().List(api.Pods, namespace, labels.SelectorFromSet(selector)) {
		p := o.(*corev1.Pod)
		if p.Spec.NodeName != "" || verdict && api.PodCondition(p, corev1.PodScheduled) != nil {
			reached++
		} else if pending == nil {
			pending = p
		}
	}
	return reached, pending
}

func why(p *corev1.Pod) string {
	if c := api.PodCondition(p, corev1.PodScheduled); c != nil {
		return c.Message
	}
	return "the scheduler has not tried it"
}

// startCollecting begins to measure the pods of some namespaces.
type startCollecting struct {
	Opcode        string            `json:"opcode"`
	Name          string            `json:"name"`
	Namespaces    []string          `json:"namespaces"`
	LabelSelector map[string]string `json:"labelSelector"`
}

func (o *startCollecting) prepare(*environment) (step, error) {
	if len(o.Namespaces) == 0 {
		return nil, fmt.Errorf("namespaces cannot be empty")
	}
	return func(r *runner, _ *sim.Task) error { return r.collect(o.Name, o.Namespaces, o.LabelSelector) }, nil
}

// stopCollecting ends a measurement.
type stopCollecting struct {
	Opcode string `json:"opcode"`
}

func (*stopCollecting) prepare(*environment) (step, error) {
	return func(r *runner, _ *sim.Task) error { return r.stop() }, nil
}
