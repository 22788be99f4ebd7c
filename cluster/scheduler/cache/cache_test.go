package cache_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/node/topology"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

// twin is the cache without memory: lists of what is there, from which a view of a node is computed when asked for.
type twin struct {
	symbols *framework.Symbols
	nodes   map[string]*corev1.Node
	pods    []*corev1.Pod // assumed ones included
	assumed map[string]bool
	zones   []string            // in the order first seen
	inZone  map[string][]string // in the order they came
}

func (w *twin) addNode(n *corev1.Node) {
	w.nodes[n.Name] = n
	zone := topology.GetZoneKey(n)
	if len(w.inZone[zone]) == 0 {
		w.zones = append(w.zones, zone)
	}
	w.inZone[zone] = append(w.inZone[zone], n.Name)
}

func (w *twin) removeNode(n *corev1.Node) {
	delete(w.nodes, n.Name)
	zone := topology.GetZoneKey(n)
	w.inZone[zone] = slices.DeleteFunc(w.inZone[zone], func(name string) bool { return name == n.Name })
	if len(w.inZone[zone]) == 0 {
		w.zones = slices.DeleteFunc(w.zones, func(z string) bool { return z == zone })
	}
}

// order interleaves the zones.
func (w *twin) order() []string {
	var order []string
	for round := 0; len(order) < len(w.nodes); round++ {
		for _, zone := range w.zones {
			if round < len(w.inZone[zone]) {
				order = append(order, w.inZone[zone][round])
			}
		}
	}
	return order
}

// describe says all that matters of a node, pods by name.
func (w *twin) describe(name string) string {
	info := &framework.NodeInfo{}
	info.SetNode(w.symbols, w.nodes[name])
	for _, p := range w.pods {
		if p.Spec.NodeName == name {
			info.AddPod(w.symbols.NewPodInfo(p))
		}
	}
	return describe(info)
}

func describe(n *framework.NodeInfo) string {
	names := func(pods []*framework.PodInfo) []string {
		var list []string
		for _, p := range pods {
			list = append(list, p.Pod.Name)
		}
		slices.Sort(list)
		return list
	}
	ports := slices.Clone(n.Ports)
	slices.SortFunc(ports, func(a, b framework.HostPort) int { return int(a.Port-b.Port)*1000 + len(a.IP) - len(b.IP) })
	return fmt.Sprint(n.Name(), trim(n.Allocatable), n.AllowedPods, trim(n.Requested), n.NonZeroCPU, n.NonZeroMemory, len(ports),
		names(n.Pods), names(n.PodsWithAffinity), names(n.PodsWithRequiredAntiAffinity))
}

// trim drops zeros at the end: a column that another node brought in.
func trim(v framework.Vector) framework.Vector {
	for len(v) > 0 && v[len(v)-1] == 0 {
		v = v[:len(v)-1]
	}
	return v
}

// system is the cache under test with its twin and a snapshot that is brought up to date now and then.
type system struct {
	cache    *cache.Cache
	snapshot *framework.Snapshot
	twin     twin
	order    []string // of the last snapshot
	serial   int
}

func newSystem() *system {
	symbols := framework.NewSymbols()
	return &system{cache: cache.New(symbols), snapshot: framework.NewSnapshot(),
		twin: twin{symbols: symbols, nodes: map[string]*corev1.Node{}, assumed: map[string]bool{}, inZone: map[string][]string{}}}
}

var changes = []string{"node", "assume", "remove node", "confirm", "forget", "add", "remove", "update"}

func (s *system) act(t *rapid.T, actions []string) {
	name := fmt.Sprintf("n%d", testcluster.Pick(t, "node", []int{0, 1, 2, 3, 4, 5}))
	old := s.twin.nodes[name]
	switch testcluster.Pick(t, "action", actions) {
	case "node":
		n := testcluster.Node(t, name)
		if old == nil {
			s.cache.AddNode(n)
			s.twin.addNode(n)
			return
		}
		n.Labels[corev1.LabelTopologyZone] = old.Labels[corev1.LabelTopologyZone] // moving: see TestNodeThatChangesItsZone
		s.cache.UpdateNode(old, n)
		s.twin.nodes[name] = n
	case "remove node":
		err := s.cache.RemoveNode(&corev1.Node{ObjectMeta: testcluster.Node(t, name).ObjectMeta})
		if (err == nil) != (old != nil) {
			t.Fatalf("RemoveNode(%s): %v", name, err)
		}
		if old != nil {
			s.twin.removeNode(old)
		}
	case "assume":
		p := s.newPod(t, name)
		if err := s.cache.AssumePod(s.twin.symbols.NewPodInfo(p)); err != nil {
			t.Fatal(err)
		}
		s.twin.pods = append(s.twin.pods, p)
		s.twin.assumed[p.Name] = true
	case "add":
		p := s.newPod(t, name)
		if err := s.cache.AddPod(p); err != nil {
			t.Fatal(err)
		}
		s.twin.pods = append(s.twin.pods, p)
	case "confirm":
		if i, ok := s.pick(t, true); ok {
			p := api.Shallow(s.twin.pods[i])
			p.Spec.NodeName = name // it may have been bound elsewhere
			if err := s.cache.AddPod(p); err != nil {
				t.Fatal(err)
			}
			s.twin.pods[i] = p
			delete(s.twin.assumed, p.Name)
		}
	case "forget":
		if i, ok := s.pick(t, true); ok {
			if err := s.cache.ForgetPod(s.twin.pods[i]); err != nil {
				t.Fatal(err)
			}
			s.drop(i)
		}
	case "remove":
		if i, ok := s.pick(t, false); ok {
			if err := s.cache.RemovePod(s.twin.pods[i]); err != nil {
				t.Fatal(err)
			}
			s.drop(i)
		}
	case "update":
		if i, ok := s.pick(t, false); ok {
			p := api.Shallow(s.twin.pods[i])
			p.Spec.Containers = slices.Clone(p.Spec.Containers)
			p.Spec.Containers[0].Resources = testcluster.Pod(t, p.Name).Spec.Containers[0].Resources // resized
			if err := s.cache.UpdatePod(p); err != nil {
				t.Fatal(err)
			}
			s.twin.pods[i] = p
		}
	case "check":
		s.check(t)
	}
}

func (s *system) newPod(t *rapid.T, node string) *corev1.Pod {
	s.serial++
	p := testcluster.Pod(t, fmt.Sprintf("p%d", s.serial))
	p.Spec.NodeName = node
	for c := range p.Spec.Containers { // two pods on one port count once, in the cache as upstream
		for i := range p.Spec.Containers[c].Ports {
			p.Spec.Containers[c].Ports[i].HostPort = int32(1000 + 2*s.serial + c)
		}
	}
	return p
}

func (s *system) pick(t *rapid.T, assumed bool) (int, bool) {
	var among []int
	for i, p := range s.twin.pods {
		if s.twin.assumed[p.Name] == assumed {
			among = append(among, i)
		}
	}
	if len(among) == 0 {
		return 0, false
	}
	return testcluster.Pick(t, "pod", among), true
}

func (s *system) drop(i int) {
	delete(s.twin.assumed, s.twin.pods[i].Name)
	s.twin.pods = slices.Delete(s.twin.pods, i, i+1)
}

func (s *system) check(t *rapid.T) {
	s.cache.UpdateSnapshot(s.snapshot)
	var order []string
	for _, slot := range s.snapshot.Order {
		order = append(order, s.snapshot.Nodes[slot].Name())
	}
	// As upstream, a list of the same nodes is not made anew, although a node that was created again may now be last.
	if want := s.twin.order(); !slices.Equal(order, want) && !slices.Equal(order, s.order) {
		t.Fatalf("order %v, twin %v, before %v", order, want, s.order)
	}
	s.order = order
	affinity := 0
	for _, name := range slices.Sorted(maps.Keys(s.twin.nodes)) {
		n := s.snapshot.Node(name)
		if n == nil {
			t.Fatalf("node %s is missing", name)
		}
		if got, want := describe(n), s.twin.describe(name); got != want {
			t.Fatalf("node\n%s\ntwin\n%s", got, want)
		}
		s.checkColumns(t, n)
		if len(n.PodsWithAffinity) > 0 {
			affinity++
		}
	}
	if s.snapshot.Known() != len(s.twin.nodes) || len(s.snapshot.WithAffinity) != affinity {
		t.Fatalf("%d nodes known, %d with affinity; twin %d, %d", s.snapshot.Known(), len(s.snapshot.WithAffinity), len(s.twin.nodes), affinity)
	}
	if _, pods, assumed := s.cache.Counts(); pods != len(s.twin.pods) || assumed != len(s.twin.assumed) {
		t.Fatalf("%d pods, %d assumed; twin %d, %d", pods, assumed, len(s.twin.pods), len(s.twin.assumed))
	}
}

func (s *system) checkColumns(t *rapid.T, n *framework.NodeInfo) {
	for column := range s.snapshot.Allocatable {
		if s.snapshot.Allocatable[column][n.Slot] != n.Allocatable.At(column) || s.snapshot.Requested[column][n.Slot] != n.Requested.At(column) {
			t.Fatalf("node %s: column %d differs", n.Name(), column)
		}
	}
	if s.snapshot.PodCount[n.Slot] != int64(len(n.Pods)) || s.snapshot.NonZeroCPU[n.Slot] != n.NonZeroCPU || s.snapshot.ObjectVersion[n.Slot] != n.ObjectVersion {
		t.Fatalf("node %s: columns differ", n.Name())
	}
}

func TestSnapshotFollowsTheTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSystem()
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			s.act(t, append(changes, "check"))
		}
		s.check(t)
	})
}

func TestSnapshotDoesNotChangeUnderItsReader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSystem()
		for range rapid.IntRange(1, 30).Draw(t, "before") {
			s.act(t, changes)
		}
		s.check(t)
		nodes, before := maps.Clone(s.twin.nodes), map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(nodes)) {
			before[name] = describe(s.snapshot.Node(name))
		}
		for range rapid.IntRange(1, 30).Draw(t, "after") {
			s.act(t, changes)
		}
		for _, name := range slices.Sorted(maps.Keys(nodes)) {
			if n := s.snapshot.Node(name); n == nil || describe(n) != before[name] {
				t.Fatalf("node %s changed without UpdateSnapshot", name)
			}
		}
	})
}

func TestNodeThatChangesItsZoneMovesAtTheNextArrival(t *testing.T) {
	symbols := framework.NewSymbols()
	c, s := cache.New(symbols), framework.NewSnapshot()
	node := func(name, zone string) *corev1.Node {
		n := &corev1.Node{}
		n.Name, n.Labels = name, map[string]string{corev1.LabelTopologyZone: zone}
		return n
	}
	order := func() (names string) {
		c.UpdateSnapshot(s)
		for _, slot := range s.Order {
			names += s.Nodes[slot].Name()
		}
		return names
	}
	for _, n := range []*corev1.Node{node("1", "a"), node("2", "a"), node("3", "b"), node("4", "b")} {
		c.AddNode(n)
	}
	if got := order(); got != "1324" {
		t.Errorf("order %s", got)
	}
	c.UpdateNode(node("1", "a"), node("1", "b"))
	if got := order(); got != "1324" {
		t.Errorf("order %s: upstream keeps the list until a node comes or goes", got)
	}
	c.AddNode(node("5", "a"))
	if got := order(); got != "23541" {
		t.Errorf("order %s", got)
	}
}

func TestImageCountsAreAsOfTheNodesLastCopy(t *testing.T) {
	symbols := framework.NewSymbols()
	c, s := cache.New(symbols), framework.NewSnapshot()
	node := func(name string) *corev1.Node {
		n := &corev1.Node{}
		n.Name = name
		n.Status.Images = []corev1.ContainerImage{{Names: []string{"nginx:1.25"}, SizeBytes: 100}}
		return n
	}
	c.AddNode(node("a"))
	c.UpdateSnapshot(s)
	c.AddNode(node("b"))
	c.UpdateSnapshot(s)
	if a, b := s.Node("a").Images[0].NumNodes, s.Node("b").Images[0].NumNodes; a != 1 || b != 2 {
		t.Errorf("a counts %d nodes, b %d; upstream refreshes only the node that changed", a, b)
	}
}

func TestImageThatNoNodeHasIsForgottenWithItsSize(t *testing.T) {
	c, s := cache.New(framework.NewSymbols()), framework.NewSnapshot()
	node := func(name string, size int64) *corev1.Node {
		n := &corev1.Node{}
		n.Name = name
		n.Status.Images = []corev1.ContainerImage{{Names: []string{"nginx:1.25"}, SizeBytes: size}}
		return n
	}
	c.AddNode(node("a", 100))
	c.AddNode(node("b", 200))
	c.UpdateSnapshot(s)
	if size := s.Node("b").Images[0].Size; size != 100 {
		t.Errorf("size %d, want the first one reported", size)
	}
	for _, name := range []string{"a", "b"} {
		if err := c.RemoveNode(node(name, 0)); err != nil {
			t.Fatal(err)
		}
	}
	c.AddNode(node("c", 300))
	c.UpdateSnapshot(s)
	if i := s.Node("c").Images[0]; i.Size != 300 || i.NumNodes != 1 {
		t.Errorf("image %+v", i)
	}
}

func TestErrorsOfTheCache(t *testing.T) {
	symbols := framework.NewSymbols()
	c := cache.New(symbols)
	pod := &corev1.Pod{}
	pod.Namespace, pod.Name, pod.UID, pod.Spec.NodeName = "ns", "p", "u", "n"
	if err := c.UpdatePod(pod); err == nil {
		t.Error("an unknown pod was updated")
	}
	if err := c.RemovePod(pod); err == nil {
		t.Error("an unknown pod was removed")
	}
	if err := c.ForgetPod(pod); err != nil {
		t.Errorf("forgetting an unknown pod: %v", err)
	}
	if err := c.AssumePod(symbols.NewPodInfo(pod)); err != nil {
		t.Fatal(err)
	}
	if err := c.AssumePod(symbols.NewPodInfo(pod)); err == nil {
		t.Error("a pod was assumed twice")
	}
	if err := c.UpdatePod(pod); err == nil {
		t.Error("an assumed pod was updated")
	}
	if err := c.AddPod(pod); err != nil || c.IsAssumed(pod) {
		t.Errorf("confirmation: %v, assumed %v", err, c.IsAssumed(pod))
	}
	if err := c.ForgetPod(pod); err == nil {
		t.Error("a confirmed pod was forgotten")
	}
	if err := c.AddPod(pod); err == nil {
		t.Error("a pod was added twice")
	}
}
