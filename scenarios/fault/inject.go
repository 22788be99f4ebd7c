package fault

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// World is what faults act on.
type World struct {
	Simulation *sim.Simulation
	Cluster    *cluster.Cluster
}

// Injected is a fault at work.
type Injected struct {
	// Victims says what was hit, in words.
	Victims []string
	lifts   []func()
}

// Lift undoes the fault as far as it can be undone. A second call does nothing.
func (i *Injected) Lift() {
	for _, lift := range i.lifts {
		lift()
	}
	i.lifts = nil
}

// Inject does it. id is the step's stable ID, from which draws follow; namespace is where selectors look that name
// none. The task parks where the fault must wait, as for a leader that there is not. The error says what was not
// found.
func (f *Fault) Inject(t *sim.Task, w *World, id, namespace string) (*Injected, error) {
	if namespace == "" {
		namespace = "default"
	}
	i := &injection{World: w, task: t, namespace: namespace, draws: newDraws(w.Simulation.Seed(), id), fault: f}
	if err := f.body.inject(i); err != nil {
		return nil, fmt.Errorf("%s %s: %w", f.Kind, f.Action, err)
	}
	return &i.done, nil
}

// injection is one fault being injected.
type injection struct {
	*World
	task      *sim.Task
	fault     *Fault
	namespace string
	draws     draws
	done      Injected
}

func (i *injection) hit(victim string, lift func()) {
	i.done.Victims = append(i.done.Victims, victim)
	if lift != nil {
		i.done.lifts = append(i.done.lifts, lift)
	}
}

// choose applies the mode to what was selected; nothing at all is an error that says what was looked for.
func (i *injection) choose(c choice, what string, s *Selector, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("no %s matches %v", what, s)
	}
	chosen := c.of(names, i.draws)
	if len(chosen) == 0 {
		return nil, fmt.Errorf("mode %v takes none of the %d that match %v", c, len(names), s)
	}
	return chosen, nil
}

// pods are those that a selector and a mode choose.
func (i *injection) pods(s *Selector, c choice) ([]*corev1.Pod, error) {
	byKey := map[string]*corev1.Pod{}
	var keys []string
	for _, pod := range s.pods(i.World, i.namespace) {
		keys = append(keys, api.KeyOf(pod))
		byKey[api.KeyOf(pod)] = pod
	}
	chosen, err := i.choose(c, "running pod", s, keys)
	if err != nil {
		return nil, err
	}
	var pods []*corev1.Pod
	for _, key := range chosen {
		pods = append(pods, byKey[key])
	}
	return pods, nil
}

// machines are the names of the machines that a selector and a mode choose: those of the chosen pods where the
// selector is about pods, else the nodes themselves, control-plane hosts among them only where they are named.
func (i *injection) machines(s *Selector, c choice) ([]string, error) {
	if !s.namesPods() {
		return i.choose(c, "node", s, i.nodesMatching(s))
	}
	pods, err := i.pods(s, c)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, pod := range pods {
		if name := pod.Spec.NodeName; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("none of the pods that match %v has a node yet", s)
	}
	slices.Sort(names)
	return names, nil
}

func (i *injection) nodesMatching(s *Selector) []string {
	var names []string
	for _, n := range i.Cluster.Nodes() {
		if s.matchesNode(i.World, n.Name) {
			names = append(names, n.Name)
		}
	}
	if s.empty() {
		return names
	}
	for _, m := range i.Cluster.ControlPlane() {
		if s.matchesNode(i.World, m.Name()) {
			names = append(names, m.Name())
		}
	}
	return names
}

func (i *injection) power(name string) Power {
	if n := i.Cluster.Node(name); n != nil {
		return n
	}
	return i.machine(name)
}

// machine is a machine by name, nil where KWOK stages play the node.
func (i *injection) machine(name string) *host.Machine {
	if n := i.Cluster.Node(name); n != nil {
		return n.Machine()
	}
	for _, m := range i.Cluster.ControlPlane() {
		if m.Name() == name {
			return m
		}
	}
	return nil
}

// realMachine is machine for faults that need hardware.
func (i *injection) realMachine(name string) (*host.Machine, error) {
	if m := i.machine(name); m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("node %s is played by KWOK stages and has no machine", name)
}

// process does something to a process and undoes it later.
func (i *injection) process(p *host.Process, action string) {
	name := p.Machine().Name() + "/" + p.Program()
	switch action {
	case "kill", "leader-kill", "kubelet-stop":
		p.Kill()
		i.hit(name+" killed", func() {
			if !p.IsUp() && p.Machine().Up() {
				p.Start()
			}
		})
	case "pause":
		p.Pause()
		i.hit(name+" paused", p.Resume)
	case "restart":
		p.Restart(restartDelay)
		i.hit(name+" restarted", nil)
	default:
		panic("fault: no way to do this to a process: " + action)
	}
}
