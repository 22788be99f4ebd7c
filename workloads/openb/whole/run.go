package whole

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/api/gpu"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/openb"
)

// Options say what to run.
type Options struct {
	Policy string
	Seed   int64
	Ties   openb.Ties
	// Topology has the last word on the cluster.
	Topology func(*cluster.Topology)
	// Started is told the simulation before its first step.
	Started func(*sim.Simulation)
	// Progress is told from time to time how many pods have been decided.
	Progress func(decided, pods int)
}

// Result is what a run came to.
type Result struct {
	// Placements are in the order of arrival.
	Placements []openb.Placement
	Simulated  time.Duration
	Steps      uint64
	Digest     uint64
}

// Limits, in simulated time: of the boot, as a base and per node; of a pod's decision; and of the last pods' start.
const (
	bootLimit     = 10 * time.Minute
	bootPerNode   = time.Second
	decisionLimit = time.Minute
	startLimit    = 10 * time.Minute
)

// Run feeds the trace's pods to a cluster. The error says what a placement in protocol mode could not have: a kubelet refused a
// pod, or something did not come to an end. A run is cut off when ctx ends.
func Run(ctx context.Context, t *openb.Trace, o Options) (*Result, error) {
	scene, _ := openb.Draw(t, o.Seed)
	shape, err := topology(scene, o)
	if err != nil {
		return nil, err
	}
	if o.Topology != nil {
		o.Topology(&shape)
	}
	s := sim.New(sim.Config{Seed: uint64(o.Seed)})
	defer s.Close()
	if o.Started != nil {
		o.Started(s)
	}
	c, err := cluster.New(s, shape)
	if err != nil {
		return nil, err
	}
	f := newFeed(c, scene)
	c.OnViolation(func(err error) { f.failure = errors.Join(f.failure, err) })
	c.Store().OnCommit(f.commit)
	c.Operator().Go("openb", f.run)
	for !f.done && f.failure == nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := s.Run(s.Now().Add(time.Second)); err != nil {
			return nil, err
		}
		if o.Progress != nil {
			o.Progress(len(f.placements), len(scene.Pods))
		}
	}
	c.CheckMutations()
	return &Result{f.placements, s.Now().Duration(), s.Steps(), s.Digest()}, f.failure
}

// feed is the owner of the pods.
type feed struct {
	cluster *cluster.Cluster
	scene   *openb.Scene

	// waiting are nodes that pods can't go to yet; account says that the namespace's service account is there.
	waiting map[string]bool
	account bool
	booted  sim.Signal

	// current is the key of the pod that is to be decided, and placement what was.
	current    string
	placement  openb.Placement
	decided    sim.Signal
	placements []openb.Placement

	// starting counts bound pods that do not run yet.
	starting int
	started  sim.Signal

	done    bool
	failure error
}

func newFeed(c *cluster.Cluster, scene *openb.Scene) *feed {
	f := &feed{cluster: c, scene: scene, waiting: map[string]bool{}}
	for _, n := range scene.Nodes {
		f.waiting[n.Name] = true
	}
	return f
}

// run is the owner's task.
func (f *feed) run(t *sim.Task) {
	if !t.Within(bootLimit+time.Duration(len(f.waiting))*bootPerNode, func() { t.Wait(sim.Forever, &f.booted) }) {
		f.fail("the cluster did not boot: %d nodes are not ready", len(f.waiting))
		return
	}
	for i := range f.scene.Pods {
		if err := f.place(t, i); err != nil {
			f.fail("pod %d, %s: %v", i, f.scene.Pods[i].Name, err)
			return
		}
	}
	if f.starting > 0 && !t.Within(startLimit, func() { t.Wait(sim.Forever, &f.started) }) {
		f.fail("%d pods do not run %v after the last was bound", f.starting, startLimit)
	}
	f.done = true
}

func (f *feed) fail(format string, args ...any) {
	f.failure = errors.Join(f.failure, fmt.Errorf(format, args...))
}

// place creates a pod and waits for what becomes of it.
func (f *feed) place(t *sim.Task, i int) error {
	pod := &f.scene.Pods[i]
	f.current, f.placement = namespace+"/"+pod.Name, openb.Placement{Pod: pod}
	f.decided.Clear()
	if _, err := client.Create(t, f.cluster.Kubectl(), api.Pods, object(pod)); err != nil {
		return err
	}
	if !t.Within(decisionLimit, func() { t.Wait(sim.Forever, &f.decided) }) {
		return fmt.Errorf("it is neither bound nor found unschedulable after %v", decisionLimit)
	}
	f.current = ""
	f.placements = append(f.placements, f.placement)
	if f.placement.Node == "" {
		return client.Delete(t, f.cluster.Kubectl(), api.Pods, namespace, pod.Name, nil)
	}
	return nil
}

// commit follows nodes and pods.
func (f *feed) commit(c cluster.Commit) {
	for i := range c.Changes {
		switch change := &c.Changes[i]; change.Resource {
		case api.Nodes:
			f.nodeChanged(change)
		case api.ServiceAccounts:
			f.account = f.account || change.Key == namespace+"/default"
		case api.Pods:
			f.podChanged(change)
		}
	}
	if f.account && len(f.waiting) == 0 {
		f.booted.Set()
	}
}

func (f *feed) nodeChanged(change *cluster.Change) {
	node, there := change.New.(*corev1.Node)
	if there && api.IsNodeReady(node) && len(node.Spec.Taints) == 0 {
		delete(f.waiting, change.Key)
	} else if len(f.placements) > 0 {
		f.fail("node %s is no longer ready", change.Key)
	}
}

func (f *feed) podChanged(change *cluster.Change) {
	pod, there := change.New.(*corev1.Pod)
	if !there {
		return
	}
	old, _ := change.Old.(*corev1.Pod)
	switch {
	case change.Key == f.current && pod.Spec.NodeName != "" && f.placement.Node == "":
		f.bound(pod)
	case change.Key == f.current && pod.Spec.NodeName == "" && unschedulable(pod):
		f.decided.Set()
	case pod.Status.Phase == corev1.PodFailed:
		f.fail("pod %s: node %s refuses it: %s: %s", change.Key, pod.Spec.NodeName, pod.Status.Reason, pod.Status.Message)
	case pod.Status.Phase == corev1.PodRunning && old != nil && old.Status.Phase == corev1.PodPending:
		if f.starting--; f.starting == 0 {
			f.started.Set()
		}
	}
}

func (f *feed) bound(pod *corev1.Pod) {
	f.starting++
	f.started.Clear()
	f.placement.Node = pod.Spec.NodeName
	var err error
	if f.placement.GPUs, err = gpu.Indexes(pod); err != nil {
		f.fail("%v", err)
	}
	f.decided.Set()
}

// unschedulable reports whether an attempt has found that the pod fits nowhere.
func unschedulable(pod *corev1.Pod) bool {
	c := api.PodCondition(pod, corev1.PodScheduled)
	return c != nil && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable
}
