package kubelet_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
)

// busyDay is a bit of everything: pods that run, crash, are probed and deleted, a crash of the machine, restarts of the
// kubelet and of containerd.
func busyDay(t testing.TB, config sim.Config) *world {
	w := newWorldIn(t, config, map[string]runtime.Image{
		"crash": {RunFor: 3 * time.Second, ExitCode: 1}, "deaf": {IgnoreSIGTERM: true}, "slow": {ReadyIn: 5 * time.Second},
	}, 2)
	w.run(20 * time.Second)
	for i, image := range []string{"nginx", "crash", "deaf", "slow", "nginx", "nginx"} {
		c := corev1.Container{Name: "c", Image: image, ReadinessProbe: probe(2, 2)}
		pod := bound(fmt.Sprint("p", i), fmt.Sprint("node-", i%2), c)
		pod.Spec.TerminationGracePeriodSeconds = api.Ptr(int64(4))
		w.create(pod)
	}
	w.run(30 * time.Second)
	w.nodes[1].Process.Restart(2 * time.Second)
	w.delete("p2")
	w.delete("p4")
	w.run(3 * time.Second)
	w.nodes[0].Runtime.Daemon().Restart(3 * time.Second)
	w.nodes[1].Machine.Crash()
	w.run(10 * time.Second)
	w.nodes[1].Machine.Boot()
	w.must(&api.Request{Verb: api.VerbDelete, Resource: api.Pods, Namespace: "default", Name: "p5", Delete: metav1.NewDeleteOptions(0)})
	return w
}

func TestTheSameSeedGivesTheSameDay(t *testing.T) {
	for _, mode := range []sim.Mode{sim.Benchmark, sim.Hunt} {
		var digests [2]uint64
		for i := range digests {
			w := busyDay(t, sim.Config{Seed: 11, Mode: mode})
			w.run(60 * time.Second)
			digests[i] = w.s.Digest()
		}
		if digests[0] != digests[1] {
			t.Errorf("mode %v: digests %x and %x", mode, digests[0], digests[1])
		}
	}
}

func TestEveryOrderOfEventsEndsWell(t *testing.T) {
	for seed := range uint64(10) {
		w := busyDay(t, sim.Config{Seed: seed, Mode: sim.Hunt})
		w.eventually(5*time.Minute, fmt.Sprintf("seed %d: the pods that remain run, the others are gone", seed), func() bool {
			return w.running("p0") && w.running("p3") && w.pod("p1") != nil && w.pod("p2") == nil && w.pod("p4") == nil && w.pod("p5") == nil
		})
		w.eventually(30*time.Second, fmt.Sprintf("seed %d: the runtimes have no other pods", seed), func() bool {
			return len(w.nodes[0].Runtime.Pods()) == 1 && len(w.nodes[1].Runtime.Pods()) == 2
		})
		w.detector.Verify()
	}
}
