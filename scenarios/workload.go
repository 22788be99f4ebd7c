package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/scenarios/kubectl"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/generators"
	"github.com/fauxkube/fauxkube/workloads/objects"
	"github.com/fauxkube/fauxkube/workloads/synthetic"
)

// compileWorkload understands a step's workload.
func (p *plan) compileWorkload(step *plannedStep, field string) error {
	w := step.Workload
	field += ".workload"
	c := &objects.Config{Name: step.ID, For: w.Duration.Duration(), Count: w.Count}
	var problems []error
	note := func(line int, at string, err error) {
		if err != nil {
			problems = append(problems, p.problem(max(line, w.Line), field+at, err))
		}
	}
	var err error
	c.Arrival, err = arrivalOf(&w.Arrival)
	note(w.Arrival.Line, ".arrival", err)
	if w.Lifetime != nil {
		c.Lifetime, err = distributionOf(w.Lifetime, durations)
		note(w.Lifetime.Line, ".lifetime", err)
	}
	c.Template, c.Resource, err = templateOf(w.Manifest)
	if err != nil {
		problems = append(problems, p.manifestProblem(step, field+".manifest", err))
	}
	for _, s := range []struct {
		of       *format.Amounts
		quantity *objects.Quantity
		unit     *unit
	}{
		{w.Sizes.CPU, objects.CPU, cpus}, {w.Sizes.Memory, objects.Memory, memories}, {w.Sizes.GPUs, objects.GPUs, numbers},
		{w.Sizes.GPUMilli, objects.GPUMilli, numbers}, {w.Sizes.Replicas, objects.Replicas, numbers},
	} {
		if s.of == nil {
			continue
		}
		d, err := distributionOf(s.of, s.unit)
		if err == nil && c.Resource != nil && !s.quantity.SuitsKind(c.Resource.Kind) {
			err = fmt.Errorf("a %s has none: these do: %s", c.Resource.Kind, strings.Join(s.quantity.Kinds, ", "))
		}
		note(s.of.Line, ".sizes."+s.quantity.Name, err)
		c.Sizes = append(c.Sizes, objects.Size{Quantity: s.quantity, Of: d})
	}
	if w.Sizes.GPUs != nil && w.Sizes.GPUMilli != nil {
		note(w.Sizes.GPUMilli.Line, ".sizes.gpuMilli", errors.New("beside gpus: want whole GPUs or a part of one"))
	}
	step.workload = c
	return errors.Join(problems...)
}

// manifestProblem is an error in a workload's manifest, found in the scenario's file.
func (p *plan) manifestProblem(step *plannedStep, field string, err error) error {
	var inline *format.Error
	line := step.Workload.ManifestLine
	if errors.As(err, &inline) {
		return &format.Error{File: p.scenario.File, Line: line + inline.Line, Field: field, What: inline.What, Cause: inline.Cause}
	}
	return p.problem(line, field, err)
}

// templateOf reads the one document of a manifest.
func templateOf(manifest string) (api.Object, *api.Resource, error) {
	all, err := kubectl.ParseManifests("-", []byte(manifest), metav1.NamespaceDefault, false, kubectl.Files{})
	if err != nil {
		return nil, nil, err
	}
	if len(all) != 1 {
		return nil, nil, fmt.Errorf("%d objects: want one", len(all))
	}
	if o := all[0].Object(); api.Meta(o).Name != "" {
		return o, all[0].Resource(), nil
	}
	return nil, nil, errors.New("metadata.name: want a name, to which numbers are appended")
}

// arrivalOf makes processes, one for each run.
func arrivalOf(a *format.Arrival) (func() generators.Process, error) {
	switch {
	case a.Poisson != nil:
		every := a.Poisson.Every.Duration()
		return func() generators.Process { return generators.Poisson(every) }, positive("poisson.every", every)
	case a.Regular != nil:
		every := a.Regular.Every.Duration()
		return func() generators.Process { return generators.Regular(every) }, positive("regular.every", every)
	case a.Bursty != nil:
		calm, burst := phaseOf(a.Bursty.Calm), phaseOf(a.Bursty.Burst)
		err := errors.Join(positive("bursty.calm.for", calm.For), positive("bursty.burst.for", burst.For))
		if calm.Mean == 0 && burst.Mean == 0 {
			err = errors.Join(err, errors.New("bursty: nothing ever arrives: want every in calm, in burst or in both"))
		}
		return func() generators.Process { return generators.Bursty(calm, burst) }, err
	case a.Diurnal != nil:
		return diurnalOf(a.Diurnal)
	}
	d, err := distributionOf(&a.Renewal.Gaps, durations)
	if err != nil {
		return nil, fmt.Errorf("renewal.gaps: %w", err)
	}
	return func() generators.Process { return generators.Renewal(d) }, positive("renewal.gaps: the mean", time.Duration(generators.Mean(d)))
}

func phaseOf(p format.BurstyPhase) generators.Phase {
	return generators.Phase{Mean: p.Every.Duration(), For: p.For.Duration()}
}

func diurnalOf(d *format.Diurnal) (func() generators.Process, error) {
	every, period := d.Every.Duration(), d.Period.Duration()
	if period == 0 {
		period = 24 * time.Hour
	}
	weights := synthetic.HourWeights()
	if len(d.Weights) > 0 {
		weights = nil
	}
	for _, w := range d.Weights {
		if w < 0 || w > 1_000_000 {
			return nil, fmt.Errorf("diurnal.weights: %d is out of range: 0 to 1000000", w)
		}
		weights = append(weights, int64(w))
	}
	switch {
	case slices.Max(weights) == 0:
		return nil, errors.New("diurnal.weights: all are 0: nothing ever arrives")
	case period < time.Duration(len(weights)):
		return nil, fmt.Errorf("diurnal.period: %v is too short for %d weights", period, len(weights))
	}
	return func() generators.Process { return generators.Diurnal(every, period, weights) }, positive("diurnal.every", every)
}

// shortestGap is the least mean time between arrivals: what comes faster is no load but a loop.
const shortestGap = time.Microsecond

func positive(what string, d time.Duration) error {
	if d < shortestGap {
		return fmt.Errorf("%s is %v: want %v at least", what, d, shortestGap)
	}
	return nil
}

// runWorkload lets objects arrive until the last has been created.
func (r *run) runWorkload(t *sim.Task, s *step) (string, error) {
	var done sim.Signal
	load := objects.Start(s.workload, r.cluster.Kubectl(), r.simulation, done.Set)
	r.loads = append(r.loads, load)
	t.Wait(sim.Forever, &done)
	if load.Created == 0 && load.Failed > 0 {
		return "", fmt.Errorf("none of %d could be created: %w", load.Failed, load.FirstError)
	}
	output := fmt.Sprintf("created %d of kind %s", load.Created, s.workload.Resource.Kind)
	if load.Failed > 0 {
		output += fmt.Sprintf("; %d requests failed, the first: %v", load.Failed, load.FirstError)
	}
	return output, nil
}

// describeWorkload says in a line what arrives.
func describeWorkload(c *objects.Config) string {
	text := fmt.Sprintf("%ss arrive, %v", c.Resource.Kind, c.Arrival())
	if c.For > 0 {
		text += fmt.Sprintf(", for %v", c.For)
	}
	if c.Count > 0 {
		text += fmt.Sprintf(", at most %d", c.Count)
	}
	return text
}
