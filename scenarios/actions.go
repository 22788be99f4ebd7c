package scenarios

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/scenarios/fault"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/scenarios/kubectl"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// act does what a step says and returns what it printed.
func (r *run) act(t *sim.Task, s *step) (output string, err error) {
	switch {
	case s.commands != nil:
		return r.runCommands(t, s)
	case s.Nodes != nil:
		return r.actOnNodes(t, s)
	case s.fault != nil:
		return r.inject(t, s)
	case s.workload != nil:
		return r.runWorkload(t, s)
	case s.Etcd != nil:
		return r.actOnStore(t, s)
	}
	return "", r.await(t, s)
}

// runCommands runs a step's kubectl lines in order, in the time that it has.
func (r *run) runCommands(t *sim.Task, s *step) (string, error) {
	var outputs []string
	run := func() error {
		for _, c := range s.commands {
			output, err := r.runCommand(t, c)
			if output != "" {
				outputs = append(outputs, output)
			}
			if err != nil {
				return fmt.Errorf("kubectl %s: %w", strings.TrimPrefix(c.Line, "kubectl "), err)
			}
		}
		return nil
	}
	var err error
	if s.Within == 0 {
		err = run()
	} else if !t.Within(s.Within.Duration(), func() { err = run() }) {
		late := fmt.Errorf("not done within %v", s.Within)
		if err != nil {
			late = fmt.Errorf("%w: %w", late, err)
		}
		err = late
	}
	return strings.Join(outputs, "\n"), err
}

const (
	// electionPatience is for how long a command is tried again that the control plane does not answer: an election of
	// the store takes seconds, a load balancer notices a dead API server at once.
	electionPatience = 30 * time.Second
	// electionPause is the time between tries.
	electionPause = time.Second
)

// runCommand runs one kubectl line; again where the control plane did not answer, and then says so.
func (r *run) runCommand(t *sim.Task, c *kubectl.Command) (string, error) {
	var failing sim.Time
	unclear := false // An earlier try may have taken effect.
	for tries := 1; ; tries++ {
		output, err := c.Run(t, r.cluster.Kubectl())
		if unclear {
			err = exceptAlreadyDone(err)
		}
		now := r.simulation.Now()
		if err == nil || !unanswered(err, c.Repeatable()) || t.Err() != nil {
			if tries > 1 {
				output = strings.TrimLeft(output+fmt.Sprintf("\n(tried %d times in %v: the control plane did not answer)", tries,
					(now.Duration()-failing.Duration()).Round(time.Millisecond)), "\n")
			}
			return output, err
		}
		if tries == 1 {
			failing = now
		} else if now.Duration()-failing.Duration() > electionPatience {
			return output, err
		}
		unclear = true
		t.Sleep(electionPause)
	}
}

// leaves are the errors that were joined into one.
func leaves(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, leaves(e)...)
		}
		return all
	}
	return []error{err}
}

// unanswered reports whether the control plane, rather than the request, was at fault. A request that may have taken
// effect counts where it may be repeated.
func unanswered(err error, repeatable bool) bool {
	for _, leaf := range leaves(err) {
		if client.IsConnectionRefused(leaf) {
			continue
		}
		lost := client.IsConnectionReset(leaf) || errors.Is(leaf, network.ErrTimeout) || apierrors.IsServerTimeout(leaf) ||
			apierrors.IsTimeout(leaf) || apierrors.IsServiceUnavailable(leaf) ||
			apierrors.IsInternalError(leaf) && strings.Contains(leaf.Error(), "etcdserver")
		if !lost || !repeatable {
			return false
		}
	}
	return true
}

// exceptAlreadyDone drops the complaints of a second try that the first had succeeded.
func exceptAlreadyDone(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(slices.DeleteFunc(leaves(err), apierrors.IsAlreadyExists)...)
}

// await waits until the step's expression holds.
func (r *run) await(t *sim.Task, s *step) error {
	s.waiting = r.judge.Await(s.wait)
	limit := s.Within.Duration()
	if limit == 0 {
		limit = sim.Forever
	}
	if t.Wait(limit, s.waiting) < 0 {
		s.waiting.Look() // The time alone may have changed its value.
	}
	s.waiting.Stop()
	switch {
	case s.waiting.Err != nil:
		return fmt.Errorf("%s cannot be evaluated: %w", s.Wait, s.waiting.Err)
	case !s.waiting.IsSet():
		return fmt.Errorf("still false after %v: %s%s", s.Within, s.Wait, s.waitState())
	}
	s.waiting = nil
	return nil
}

// waitState is what an expression that does not hold looks like.
func (s *step) waitState() string {
	text := ""
	if s.waiting.Absent != "" {
		text += "; " + s.waiting.Absent
	}
	for _, side := range s.waiting.Explain() {
		text += "; " + side
	}
	return text
}

// inject puts a fault in place and has it lifted in time.
func (r *run) inject(t *sim.Task, s *step) (string, error) {
	done, err := s.fault.Inject(t, r.faultWorld(), s.ID, s.Chaos.Metadata.Namespace)
	if err != nil {
		return "", err
	}
	if s.fault.Duration > 0 {
		r.lifts++
		r.simulation.World().After(s.fault.Duration, func() {
			done.Lift()
			r.lifts--
			r.faultEnds(s)
			r.consider()
		})
	}
	return strings.Join(done.Victims, "\n"), nil
}

// actOnNodes adds machines or does something to those whose names match.
func (r *run) actOnNodes(t *sim.Task, s *step) (string, error) {
	if s.pool != nil {
		if err := r.cluster.AddPool(*s.pool); err != nil {
			return "", err
		}
		r.settling.WatchMachines()
		return "", nil
	}
	p := s.Nodes.Patterns()[0]
	names, err := r.matching(p)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if err := r.actOnNode(t, p.Action, name); err != nil {
			return "", err
		}
	}
	return p.Action + " " + strings.Join(names, ", "), nil
}

func (r *run) actOnNode(t *sim.Task, action, name string) error {
	m, hardware := r.machine(name)
	switch action {
	case "delete":
		r.cluster.DeleteNode(name)
		if err := client.Delete(t, r.cluster.Kubectl(), api.Nodes, "", name, nil); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	case "crash":
		m.Crash()
	case "boot":
		m.Boot()
	case "reboot":
		fault.Reboot(r.simulation, m, hardware, fault.RebootTakes)
	case "pause":
		m.Pause()
	case "resume":
		m.Resume()
	}
	return nil
}

// machine is a node's power, and its hardware if it has some.
func (r *run) machine(name string) (fault.Power, *host.Machine) {
	if n := r.cluster.Node(name); n != nil {
		return n, n.Machine()
	}
	for _, m := range r.cluster.ControlPlane() {
		if m.Name() == name {
			return m, m
		}
	}
	panic("scenarios: no machine is called " + name)
}

// matching lists the nodes that a pattern matches, sorted. Control-plane hosts match only patterns that begin like their
// names, so that * does not mean them; they cannot be deleted.
func (r *run) matching(p format.NodePatterns) ([]string, error) {
	var all []string
	for _, n := range r.cluster.Nodes() {
		all = append(all, n.Name)
	}
	var names []string
	for _, glob := range p.Globs {
		candidates := all
		if strings.HasPrefix(glob, "cp-") && p.Action != "delete" {
			candidates = nil
			for _, m := range r.cluster.ControlPlane() {
				candidates = append(candidates, m.Name())
			}
		}
		found := false
		for _, name := range candidates {
			if ok, err := path.Match(glob, name); ok && err == nil {
				found = true
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("no node matches %q; there are %s", glob, abridged(candidates))
		}
	}
	slices.Sort(names)
	return names, nil
}

// abridged lists names, some of them where there are many.
func abridged(names []string) string {
	const shown = 10
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > shown:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}
