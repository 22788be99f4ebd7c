package golden

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

const (
	// settle is how long the cluster has been up when its first node is created.
	settle = 30 * time.Second
	// defaultLead is how long before the first step the namespace was created where out.yaml does not show it any more.
	defaultLead = time.Second
	// monitorPeriod is kube-controller-manager's --node-monitor-period; Events about nodes come at its ticks.
	monitorPeriod = 5 * time.Second
)

// leadership is the Lease whose creation shows that the controllers lead.
const leadership = "kube-system/kube-controller-manager"

// prepare brings the cluster to the state in which the recording begins: the controllers lead, nodes and namespace were
// created as long ago as in the recording, and the node controller is at the recording's place in its period.
func (r *replay) prepare() {
	for r.elected == 0 {
		r.task.Sleep(poll)
	}
	objects := r.initialObjects()
	start := r.startAfter(r.simulation.Now() + sim.Time(settle+objects[0].lead))
	for _, o := range objects {
		r.task.Sleep(max(time.Duration(start-r.simulation.Now())-o.lead, 0))
		if o.manifest != "" {
			r.give("kubectl apply -f -", o.manifest)
		} else {
			r.give("kubectl create namespace "+r.recording.Name, "")
		}
	}
	r.task.Sleep(time.Duration(start - r.simulation.Now()))
	for _, o := range r.cluster.Store().List(api.Nodes, "", nil) {
		if node := o.(*corev1.Node); len(node.Spec.Taints) > 0 || node.Spec.PodCIDR == "" {
			r.fail(fmt.Errorf("node %s is not ready when the first step begins: %v", node.Name, node.Spec))
		}
	}
}

// justBefore is when the node controller looked where the recording shows nothing of it: nodes that had just been created
// were registered before the first step.
const justBefore = -time.Second

// firstLook is when, after the beginning or before it, the recording's node controller looked at all nodes; only its
// place in the period matters. The Events that it writes when it looks tell.
func (r *replay) firstLook() time.Duration {
	for _, c := range r.recording.Changes {
		switch c.Object.text("reason") {
		case "RegisteredNode", "RemovingNode", "NodeNotReady":
			if c.Object.text("source", "component") == "node-controller" {
				return c.At
			}
		}
	}
	return justBefore
}

// startAfter is when the first step begins, not before a time: at the recording's place in the node controller's period,
// and within that at the recording's place in its second, since times in objects are cut to seconds.
func (r *replay) startAfter(t sim.Time) sim.Time {
	t += (r.elected-t-sim.Time(r.firstLook()))%sim.Time(monitorPeriod) + sim.Time(monitorPeriod)
	shift := (sim.Time(r.recording.Began.Nanosecond()) - t) % sim.Time(time.Second)
	if shift < -sim.Time(time.Second)/2 {
		shift += sim.Time(time.Second)
	}
	return t + shift
}

// initial is an object that is there when the recording begins: a node, or without a manifest the namespace.
type initial struct {
	manifest string
	lead     time.Duration
}

// initialObjects are what was there when the recording began, oldest first; nodes have what kubectl remembered of their
// manifests in an annotation.
func (r *replay) initialObjects() []initial {
	manifests := map[string]string{}
	known := map[string]bool{}
	note := func(o Object) {
		if o.Kind() == "Node" && !known[o.Name()] {
			known[o.Name()] = true
			manifests[o.Name()] = o.text("metadata", "annotations", lastApplied)
		}
	}
	for _, c := range r.recording.Changes {
		if c.Type == "ADDED" && c.Object.Kind() == "Node" {
			known[c.Object.Name()] = true
		}
		note(c.Object)
	}
	for _, o := range r.recording.Final {
		note(o)
	}
	all := []initial{{lead: r.recording.lead("Namespace", r.recording.Name)}}
	for _, name := range reordered(sortedKeys(manifests), int(r.seed)-1) {
		all = append(all, initial{manifest: manifests[name], lead: r.recording.lead("Node", name)})
	}
	slices.SortStableFunc(all, func(a, b initial) int { return cmp.Compare(b.lead, a.lead) })
	return all
}

// reordered brings names into another order for each n, the first being theirs. Among equal nodes the scheduler takes that
// which it looks at first: in a real one a matter of which goroutine is first, here of which node came first.
func reordered(names []string, n int) []string {
	left := slices.Clone(names)
	var all []string
	for len(left) > 0 {
		i := n % len(left)
		n /= len(left)
		all = append(all, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return all
}

// lead is how long before the first step an object was created.
func (t *Transcript) lead(kind, name string) time.Duration {
	lead := defaultLead
	note := func(o Object) {
		if o.Kind() != kind || o.Name() != name {
			return
		}
		if created, err := time.Parse(time.RFC3339, o.text("metadata", "creationTimestamp")); err == nil {
			lead = t.Began.Sub(created)
		}
	}
	for _, c := range t.Changes {
		note(c.Object)
	}
	for _, o := range t.Final {
		note(o)
	}
	return lead
}

// lastApplied is where kubectl apply remembers the manifest.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// give carries out a command that must succeed.
func (r *replay) give(line, input string) {
	sh := r.shell()
	if err := sh.kubectl(line, []byte(input)); err != nil || sh.code != 0 {
		r.fail(fmt.Errorf("%s: %v %s", line, err, slices.Concat(sh.output)))
	}
}

// begin is the moment at which the recorder began.
func (r *replay) begin() {
	r.zero, r.recorded = r.simulation.Now(), true
}
