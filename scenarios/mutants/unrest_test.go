package mutants

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/scenarios"
)

// unrest is what the watches of a cluster have to endure: pods come and go all the time, while API servers and members of
// the store stop, and machines are cut off from them.
type unrest struct{}

const (
	unrestLasts = 4 * time.Minute
	unrestHead  = `apiVersion: fauxkube.dev/v1alpha1
kind: Scenario
metadata: {name: mutant}
spec:
  timeout: 6m
  cluster:
    controlPlane: {apiservers: 3, etcd: 3, zones: [a]}
    nodePools: [{name: node, count: 4}]
  steps:
  - name: up
    at: 0s
    kubectl: apply -f -
    manifest: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 8
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            terminationGracePeriodSeconds: 1
            containers: [{name: web, image: "registry.example/web:1"}]
`
)

// scenario draws what happens with a seed.
func (unrest) scenario(t *testing.T, seed uint64) *scenarios.Scenario {
	t.Helper()
	const members = 3
	d := &draws{Rand: rand.New(rand.NewPCG(seed, 2)), members: members, down: make([]time.Duration, members)}
	for d.at = d.between(0, 5*time.Second); d.at < unrestLasts; d.at += d.between(500*time.Millisecond, 6*time.Second) {
		d.steps = append(d.steps, fmt.Sprintf("  - {name: work-%d, at: %v, kubectl: %s}\n", len(d.steps), d.at, d.work()))
	}
	for d.at = d.between(5*time.Second, 10*time.Second); d.at < unrestLasts; d.at += d.between(time.Second, 15*time.Second) {
		d.trouble()
	}
	all, err := scenarios.Decode("mutant.yaml", []byte(unrestHead+strings.Join(d.steps, "")))
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(d.steps, ""))
	}
	return all[0]
}

// work draws a command.
func (d *draws) work() string {
	switch d.IntN(3) {
	case 0:
		return fmt.Sprintf("scale deployment/web --replicas=%d", d.IntN(16))
	case 1:
		return fmt.Sprintf("set image deployment/web web=registry.example/web:%d", d.IntN(100))
	default:
		return "rollout restart deployment/web"
	}
}

// trouble draws a fault.
func (d *draws) trouble() {
	lasts := d.between(200*time.Millisecond, 10*time.Second)
	switch d.IntN(5) {
	case 0:
		d.add(0, "ControlPlaneChaos", "component: apiserver, action: %s, mode: one, duration: %v", []string{"kill", "pause"}[d.IntN(2)], lasts)
	case 1:
		d.add(0, "EtcdChaos", "action: %s, mode: one, duration: %v", []string{"kill", "pause", "slow-fsync, delay: 200ms"}[d.IntN(3)], lasts)
	case 2:
		d.add(0, "NetworkChaos", "action: partition, mode: one, selector: {nodes: [node-*]}, target: {mode: all, selector: {nodes: [cp-*]}}, direction: both, duration: %v", d.between(time.Second, 80*time.Second)) // Beyond 45 s connections break.
	case 3:
		d.add(0, "NetworkChaos", "action: delay, delay: {latency: %v, jitter: 50ms}, mode: all, selector: {nodes: [%s]}, direction: both, duration: %v",
			d.between(10*time.Millisecond, 500*time.Millisecond), []string{"cp-*", "node-*"}[d.IntN(2)], lasts)
	default:
		d.add(0, "NodeChaos", "action: slow, speedPercent: 2, mode: one, selector: {nodes: [cp-*]}, duration: %v", lasts)
	}
}
