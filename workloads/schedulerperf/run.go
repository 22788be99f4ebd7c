package schedulerperf

import (
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/sim"
)

// Limits, in simulated time: of a whole workload, and of how long the API may take to answer first.
const (
	limit     = 6 * time.Hour
	bootLimit = time.Minute
)

// rate is scheduler_perf's client: 5000 requests a second (test/integration/scheduler_perf/util.go).
var rate = cluster.ClientRate{QPSMilli: 5_000_000, Burst: 5000}

// configuration is the scheduler's for a workload; its gates go before the case's.
func (c *Case) configuration(w *Workload) (*config.Configuration, error) {
	o := config.Options{Gates: map[string]bool{}}
	maps.Copy(o.Gates, c.FeatureGates)
	maps.Copy(o.Gates, w.FeatureGates)
	if c.SchedulerConfigPath == "" {
		return config.Default(o)
	}
	data, err := c.read(c.SchedulerConfigPath)
	if err != nil {
		return nil, err
	}
	return config.Load(c.SchedulerConfigPath, data, o)
}

// Run runs a workload of a case.
func Run(c *Case, w *Workload, seed uint64) (*DataItems, error) {
	if err := c.Refusal(w); err != nil {
		return nil, err
	}
	configuration, err := c.configuration(w)
	if err != nil {
		return nil, err
	}
	s := sim.New(sim.Config{Seed: seed})
	defer s.Close()
	k, err := cluster.New(s, cluster.Topology{
		ControlPlane: cluster.ControlPlane{APIServers: 1, EtcdMembers: 1, Cores: 16, Headless: true}, Scheduler: configuration,
		Clients: map[string]cluster.ClientRate{"kube-scheduler": rate},
	})
	if err != nil {
		return nil, err
	}
	if err := s.Run(sim.Time(bootLimit)); err != nil {
		return nil, err
	}
	for _, p := range k.ControllerManagerProcesses() {
		p.Kill()
	}
	r := &runner{c: c, w: w, cluster: k, items: &DataItems{Version: "v1", DataItems: []DataItem{}}}
	k.Kubectl().Process().Go("scheduler_perf", func(t *sim.Task) { r.run(t); r.done = true })
	for end := s.Now().Add(limit); !r.done && s.Now() < end; {
		if err := s.Run(s.Now().Add(time.Second)); err != nil {
			return nil, err
		}
		r.sample(s.Now())
	}
	if r.err == nil && !r.done {
		r.err = fmt.Errorf("%s/%s: not done after %v", c.Name, w.Name, limit)
	}
	return r.items, r.err
}

// runner is a workload under way.
type runner struct {
	c       *Case
	w       *Workload
	cluster *cluster.Cluster
	items   *DataItems
	err     error
	done    bool

	namespaces []string // that pods were created in
	nodes      int
	measuring  *measurement
}

// measurement counts the pods of some namespaces.
type measurement struct {
	namespaces []string
	began      sim.Time
	throughput metrics.Throughput
}

func (r *runner) run(t *sim.Task) {
	for i := range r.c.WorkloadTemplate {
		op := &r.c.WorkloadTemplate[i]
		if err := r.do(t, i, op); err != nil {
			r.err = fmt.Errorf("%s/%s: operation %d, %s: %w", r.c.Name, r.w.Name, i, op.Opcode, err)
			return
		}
	}
	r.stop()
}

func (r *runner) do(t *sim.Task, i int, op *Op) error {
	n, err := r.w.count(op)
	if err != nil {
		return err
	}
	switch op.Opcode {
	case "createNodes":
		return r.createNodes(t, op, n)
	case "createNamespaces":
		for k := range n {
			if err := r.createNamespace(t, fmt.Sprintf("%s-%d", op.Prefix, k), op.NamespacePath); err != nil {
				return err
			}
		}
	case "createPods":
		return r.createPods(t, i, op, n)
	case "createPodSets":
		for k := range n {
			set := *op.CreatePodsOp
			set.Namespace = fmt.Sprintf("%s-%d", op.NamespacePrefix, k)
			count, err := r.w.count(&set)
			if err != nil {
				return err
			}
			if err := r.createPods(t, i, &set, count); err != nil {
				return err
			}
		}
	case "createAny":
		return r.createAny(t, op, n)
	case "deletePods":
		return r.deletePods(t, op)
	case "barrier":
		r.wait(t, op.Namespaces, op.LabelSelector, op.StageRequirement == attempted)
	case "sleep":
		t.Sleep(op.Duration.Duration)
	case "startCollectingMetrics":
		r.start(op.Namespaces)
	case "stopCollectingMetrics":
		r.stop()
	}
	return nil
}

// template reads an object of the API from a file.
func template[T api.Object](r *runner, file string) (none T, err error) {
	data, err := r.c.read(file)
	if err != nil {
		return none, err
	}
	object, _, err := api.Decode(data)
	if err != nil {
		return none, fmt.Errorf("%s: %w", file, err)
	}
	typed, ok := object.(T)
	if !ok {
		return none, fmt.Errorf("%s: a %T in place of a %T", file, object, none)
	}
	return typed, nil
}

// defaultNode is scheduler_perf's node where no template is given: 4 CPUs, 32Gi, 110 pods (node_util.go).
func defaultNode() *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{GenerateName: "scheduler-perf-"}}
	n.Status.Capacity = api.Quantities("pods", "110", "cpu", "4", "memory", "32Gi")
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	return n
}

func (r *runner) createNodes(t *sim.Task, op *Op, count int) error {
	shape := defaultNode()
	if op.NodeTemplatePath != "" {
		var err error
		if shape, err = template[*corev1.Node](r, op.NodeTemplatePath); err != nil {
			return err
		}
	}
	for k := range count {
		n := shape.DeepCopy()
		n.Status.Allocatable = n.Status.Capacity
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		if l := op.LabelNodes; l != nil {
			n.Labels[l.LabelKey] = l.LabelValues[k%len(l.LabelValues)]
		}
		if l := op.UniqueLabel; l != nil {
			n.Labels[l.LabelKey] = fmt.Sprintf("%d", r.nodes)
		}
		r.nodes++
		created, err := client.Create(t, r.cluster.Kubectl(), api.Nodes, n)
		if err != nil {
			return err
		}
		if err := r.untaint(t, created, n.Spec.Taints); err != nil {
			return err
		}
	}
	return nil
}

// untaint takes back the taint that admission gives new nodes: upstream's test API server runs without that admission plugin.
func (r *runner) untaint(t *sim.Task, n *corev1.Node, taints []corev1.Taint) error {
	if len(n.Spec.Taints) == len(taints) {
		return nil
	}
	changed := api.Shallow(n)
	changed.Spec.Taints = taints
	_, err := client.Update(t, r.cluster.Kubectl(), api.Nodes, changed)
	return err
}

func (r *runner) createNamespace(t *sim.Task, name, file string) error {
	ns := &corev1.Namespace{}
	if file != "" {
		var err error
		if ns, err = template[*corev1.Namespace](r, file); err != nil {
			return err
		}
	}
	ns.Name, ns.GenerateName = name, ""
	if _, err := client.Create(t, r.cluster.Kubectl(), api.Namespaces, ns); err != nil {
		return err
	}
	// Admission wants it for every pod; upstream's test API server runs without that admission plugin.
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "default"}}
	_, err := client.Create(t, r.cluster.Kubectl(), api.ServiceAccounts, account)
	return err
}

// ensureNamespace creates a namespace that does not exist.
func (r *runner) ensureNamespace(t *sim.Task, name string) error {
	if _, exists := r.cluster.Store().Get(api.Namespaces, name); exists {
		return nil
	}
	return r.createNamespace(t, name, "")
}

// createPods creates pods in a namespace, by default one of the operation's own, and waits until all have a node.
func (r *runner) createPods(t *sim.Task, i int, op *Op, count int) error {
	namespace, file := op.Namespace, op.PodTemplatePath
	if namespace == "" {
		namespace = fmt.Sprintf("namespace-%d", i)
	}
	if file == "" {
		file = r.c.DefaultPodTemplatePath
	}
	if err := r.ensureNamespace(t, namespace); err != nil {
		return err
	}
	shape, err := template[*corev1.Pod](r, file)
	if err != nil {
		return err
	}
	if !slices.Contains(r.namespaces, namespace) {
		r.namespaces = append(r.namespaces, namespace)
	}
	if op.CollectMetrics {
		r.start([]string{namespace})
	}
	for range count {
		p := shape.DeepCopy()
		p.Namespace = namespace
		if _, err := client.Create(t, r.cluster.Kubectl(), api.Pods, p); err != nil {
			return err
		}
	}
	if !op.SkipWait {
		r.wait(t, []string{namespace}, nil, false)
	}
	if op.CollectMetrics {
		r.stop()
	}
	return nil
}

func (r *runner) createAny(t *sim.Task, op *Op, count int) error {
	object, err := template[api.Object](r, op.TemplatePath)
	if err != nil {
		return err
	}
	resource := api.ResourceOf(object)
	for range count {
		o := object.DeepCopyObject().(api.Object)
		if resource.Namespaced && op.Namespace != "" {
			o.SetNamespace(op.Namespace)
		}
		if ns := o.GetNamespace(); ns != "" {
			if err := r.ensureNamespace(t, ns); err != nil {
				return err
			}
		}
		if _, err := client.Create(t, r.cluster.Kubectl(), resource, o); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) deletePods(t *sim.Task, op *Op) error {
	selector := labels.SelectorFromSet(op.LabelSelector)
	for _, o := range r.cluster.Store().List(api.Pods, op.Namespace, selector) {
		now := int64(0)
		if err := client.Delete(t, r.cluster.Kubectl(), api.Pods, o.GetNamespace(), o.GetName(), &metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			return err
		}
		if op.PerSecond > 0 {
			t.Sleep(time.Second / time.Duration(op.PerSecond))
		}
	}
	return nil
}

// attempted is the stage of a barrier that waits for a verdict in place of a node.
const attempted = "Attempted"

// wait waits until every pod has a node, or at least a verdict; no namespaces are all that pods were created in.
func (r *runner) wait(t *sim.Task, namespaces []string, selector map[string]string, verdict bool) {
	if len(namespaces) == 0 {
		namespaces = r.namespaces
	}
	for {
		reached, pods := r.reached(namespaces, selector, verdict)
		if reached >= pods {
			return
		}
		t.Sleep(time.Second)
	}
}

// reached counts the pods that have a node, or a verdict of the scheduler where that is enough.
func (r *runner) reached(namespaces []string, selector map[string]string, verdict bool) (reached, pods int) {
	for _, namespace := range namespaces {
		for _, o := range r.cluster.Store().List(api.Pods, namespace, labels.SelectorFromSet(selector)) {
			pods++
			if p := o.(*corev1.Pod); p.Spec.NodeName != "" || verdict && len(p.Status.Conditions) > 0 {
				reached++
			}
		}
	}
	return reached, pods
}

func (r *runner) start(namespaces []string) {
	if len(namespaces) == 0 {
		namespaces = r.namespaces
	}
	r.measuring = &measurement{namespaces: namespaces, began: r.cluster.Simulation().Now()}
}

func (r *runner) sample(now sim.Time) {
	if m := r.measuring; m != nil {
		scheduled, _ := r.reached(m.namespaces, nil, false)
		m.throughput.Sample(now.Sub(m.began), scheduled)
	}
}

// stop ends a measurement and keeps what it found.
func (r *runner) stop() {
	if r.measuring == nil {
		return
	}
	r.sample(r.cluster.Simulation().Now())
	if s, ok := r.measuring.throughput.Summary(); ok {
		r.items.add(r.c.Name+"/"+r.w.Name, s)
	}
	r.measuring = nil
}
