package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// costTable is the cost model: what each operation takes of a core. Where a row says "measured", it was fitted to the
// CPU time of a v1.36.3 control plane with KWOK nodes on two cores (1000 pods of one Deployment on 1000 nodes, and 1000
// idle nodes for 30 s): API server 6.6 to 7.3 s and 9.8 to 12 s, etcd 1.2 to 1.6 and 3.9, controller manager 1.2 to 1.5
// and 1.7 to 1.9, scheduler 3.0 to 4.2 and .1 to .2. Timings at default client rates do not depend on these rows: they
// follow from token buckets, workers and periods.
var costTable = map[string]host.Cost{
	"apiserver.decode":       {Fixed: 260 * time.Microsecond, PerUnit: 20, Source: "measured: HTTP/2, authentication, routing, decoding"},
	"apiserver.admission":    {Fixed: 680 * time.Microsecond, PerUnit: 30, Source: "measured: admission, strategy, validation, storage encoding"},
	"apiserver.encode":       {Fixed: 600 * time.Microsecond, PerUnit: 10, Source: "measured: encoding, and what ends a request before its answer is complete: audit, fairness, metrics; its share of both by the recordings, where a quiet server's watch is faster"},
	"apiserver.list":         {PerUnit: 2 * time.Microsecond, Source: "measured: per object looked at"},
	"apiserver.cache.decode": {Fixed: 100 * time.Microsecond, PerUnit: 10, Source: "measured: per change, decoding and dispatch"},
	"apiserver.watch.encode": {PerUnit: 10, Source: "measured: per byte, once for all watchers"},
	"apiserver.watch.send":   {PerUnit: 30 * time.Microsecond, Source: "measured: per event and watcher"},
	"apiserver.watch.start":  {Fixed: 200 * time.Microsecond, Source: "measured"},

	"etcd.request": {Fixed: 150 * time.Microsecond, Source: "measured: gRPC, decoding, answer; per request at the member that serves it"},
	"etcd.apply":   {PerUnit: 100 * time.Microsecond, Source: "measured: raft, log, tree, backend; per entry and member"},
	"etcd.watch":   {PerUnit: 50 * time.Microsecond, Source: "measured: per event and watcher"},
	"etcd.range":   {PerUnit: time.Microsecond, Source: "measured: per key read"},

	"client.encode": {Fixed: 150 * time.Microsecond, PerUnit: 20, Source: "measured: encoding of a request, HTTP/2 frame"},
	"client.decode": {Fixed: 150 * time.Microsecond, PerUnit: 20, Source: "measured: decoding of an answer"},
	"client.watch":  {Fixed: 280 * time.Microsecond, PerUnit: 30, Source: "measured: decoding of watch events, informer store and handlers"},

	// What a process does whether or not anybody asks, per tenth of a second and node: measured on 1000 idle nodes, less
	// what their leases account for. How much of it comes with the nodes is assumed.
	"kube-apiserver.background":          {Fixed: 3 * time.Millisecond, PerUnit: 16 * time.Microsecond, Source: "measured"},
	"etcd.background":                    {Fixed: time.Millisecond, PerUnit: 8500 * time.Nanosecond, Source: "measured"},
	"kube-controller-manager.background": {Fixed: 500 * time.Microsecond, PerUnit: 2300 * time.Nanosecond, Source: "measured"},
	"kube-scheduler.background":          {Fixed: 300 * time.Microsecond, PerUnit: 200 * time.Nanosecond, Source: "measured"},

	"scheduler.cycle":   {Fixed: 500 * time.Microsecond, Source: "measured: algorithm p50 2.5 ms on 1000 nodes, less the rows below"},
	"scheduler.filter":  {PerUnit: 2500 * time.Nanosecond, Source: "measured: per node through the Filter plugins"},
	"scheduler.score":   {PerUnit: 1600 * time.Nanosecond, Source: "measured: per node through the Score plugins"},
	"scheduler.plugin":  {PerUnit: 1600 * time.Nanosecond, Source: "assumed cost: per node through a Score plugin that declares none, taken for as dear as all the default ones"},
	"scheduler.preempt": {PerUnit: 50 * time.Microsecond, Source: "assumed: a dry run filters a node several times"},
	"scheduler.bind":    {Fixed: 200 * time.Microsecond, Source: "measured"},
	"scheduler.event":   {Fixed: 10 * time.Microsecond, Source: "assumed: cache and queue of one informer event"},

	// Policies, per node scored: what our own code takes on openb's nodes when they are half full (measured on one core: FGD
	// .75 microseconds, the others .02 to .05), and a seventh of scheduler.score, which stands for seven plugins, for the framework.
	"scheduler.policy.bestfit":       {PerUnit: 270 * time.Nanosecond, Source: policySource},
	"scheduler.policy.dotprod":       {PerUnit: 260 * time.Nanosecond, Source: policySource},
	"scheduler.policy.fgd":           {PerUnit: 980 * time.Nanosecond, Source: policySource},
	"scheduler.policy.firstfit":      {PerUnit: 250 * time.Nanosecond, Source: policySource},
	"scheduler.policy.gpuclustering": {PerUnit: 260 * time.Nanosecond, Source: policySource},
	"scheduler.policy.gpupacking":    {PerUnit: 260 * time.Nanosecond, Source: policySource},
	"scheduler.policy.random":        {PerUnit: 250 * time.Nanosecond, Source: policySource},

	"kubelet.sync":   {Fixed: 3 * time.Millisecond, Source: "assumed: one pass of a pod worker"},
	"kubelet.status": {Fixed: 300 * time.Microsecond, Source: "assumed: computing the node's status"},
	"kubelet.probe":  {Fixed: 300 * time.Microsecond, Source: "assumed: one HTTP probe"},
	"kubelet.relist": {PerUnit: 200 * time.Microsecond, Source: "assumed: per pod"},

	"runtime.sandbox": {Fixed: 60 * time.Millisecond, Source: "assumed: namespaces, pause container, CNI calls"},
	"runtime.create":  {Fixed: 20 * time.Millisecond, Source: "assumed: snapshot, spec, runc create"},
	"runtime.start":   {Fixed: 30 * time.Millisecond, Source: "assumed: runc start"},
	"runtime.stop":    {Fixed: 10 * time.Millisecond, Source: "assumed"},
	"runtime.remove":  {Fixed: 10 * time.Millisecond, Source: "assumed"},
	"runtime.unpack":  {PerUnit: 30 * time.Millisecond, Source: "assumed: per MiB, gunzip and tar"},

	"kubeproxy.sync": {Fixed: 30 * time.Millisecond, PerUnit: 50 * time.Microsecond, Source: "assumed: iptables-restore, per change"},

	"kwok.match":  {Fixed: 100 * time.Microsecond, Source: "assumed: jq selectors of the stages"},
	"kwok.render": {Fixed: 500 * time.Microsecond, Source: "assumed: Go template and patch"},

	// A controller's pass beside its requests; the units are the pods (or nodes) that it looks through: selectors,
	// owners, conditions, about a microsecond each.
	"kcm.deployment.sync":       {Fixed: kcmSync, PerUnit: time.Microsecond, Source: "measured: controller manager, over all its controllers"},
	"kcm.replicaset.sync":       {Fixed: kcmSync, PerUnit: time.Microsecond, Source: "measured: as above"},
	"kcm.disruption.sync":       {Fixed: kcmSync, PerUnit: time.Microsecond, Source: "measured: as above"},
	"kcm.endpoints.sync":        {Fixed: kcmSync, PerUnit: time.Microsecond, Source: "measured: as above"},
	"kcm.endpointslice.sync":    {Fixed: kcmSync, PerUnit: time.Microsecond, Source: "measured: as above"},
	"kcm.garbagecollector.sync": {Fixed: kcmSync, Source: "measured: as above"},
	"kcm.namespace.sync":        {Fixed: kcmSync, Source: "measured: as above"},
	"kcm.nodeipam.sync":         {Fixed: kcmSync, Source: "measured: as above"},
	"kcm.nodelifecycle.node":    {Fixed: kcmSync, Source: "measured: as above"},
	"kcm.nodelifecycle.look":    {PerUnit: 10 * time.Microsecond, Source: "assumed: per node and monitor period"},
	"kcm.podgc.pass":            {PerUnit: time.Microsecond, Source: "assumed: per pod"},
	"kcm.rootca.sync":           {Fixed: kcmSync, Source: "measured: as above"},
	"kcm.serviceaccount.sync":   {Fixed: kcmSync, Source: "measured: as above"},
	"kcm.tainteviction.pod":     {Fixed: kcmSync, Source: "measured: as above"},
}

const policySource = "measured: this code on openb's nodes, and a default plugin's share of scheduler.score"

// kcmSync is what one pass of a controller costs beside its requests and what it looks through.
const kcmSync = 150 * time.Microsecond

// fsyncRow is the one row that is a wait and no CPU time: how long a flush of a control-plane machine's disk takes.
// By default it is disk.CloudSSD.
const fsyncRow = "etcd.fsync"

// checkCosts refuses rows that nothing is charged to.
func checkCosts(overrides map[string]host.Cost) error {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if _, ok := costTable[name]; !ok && name != fsyncRow {
			known := append(slices.Collect(maps.Keys(costTable)), fsyncRow) //sim:unordered sorted below
			slices.Sort(known)
			return fmt.Errorf("cluster: no operation %q in the cost table: want one of %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// registerCosts fills the simulation's table and applies the topology's overrides.
func (c *Cluster) registerCosts() error {
	table := host.Costs(c.simulation)
	for _, name := range slices.Sorted(maps.Keys(costTable)) {
		table.Register(name, costTable[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.topology.Costs)) {
		if name == fsyncRow {
			continue
		}
		if err := table.Override(name, c.topology.Costs[name]); err != nil {
			return fmt.Errorf("cluster: cost %s: %w", name, err)
		}
	}
	return nil
}

// fsyncLatency is the topology's flush latency; nil is the disk's default.
func (t Topology) fsyncLatency() sim.Distribution {
	row, ok := t.Costs[fsyncRow]
	switch {
	case !ok:
		return nil
	case row.Dist != nil:
		return row.Dist
	}
	return sim.Fixed(row.Fixed)
}
