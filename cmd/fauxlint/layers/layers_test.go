package layers

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

func TestVerdicts(t *testing.T) {
	cases := []struct {
		from, to string
		test, ok bool
	}{
		{"sim/host", "sim", false, true},
		{"sim", "cluster/api", false, false},
		{"cluster/etcd", "sim/disk", false, true},
		{"cluster", "scenarios", false, false},
		{"cluster", "cluster/etcd", false, true},
		{"workloads", "reports", false, false},
		{"scenarios", "reports", false, true},
		{"scenarios", "cmd/fauxkube", false, false},
		{"cmd/fauxkube", "scenarios", false, true},
		{"cluster/scheduler/queue", "cluster/client", false, true},
		{"cluster/scheduler/queue", "cluster/scheduler/framework", false, true},
		{"cluster/scheduler", "cluster/controller", false, false},
		{"cluster/scheduler", "cluster/apiserver", false, false},
		{"cluster/scheduler", "cluster/apiserver", true, true},
		{"cluster/controller/deployment", "cluster/controller", false, true},
		{"cluster/controller/deployment", "cluster/etcd", false, false},
		{"cluster/kubelet", "cluster/runtime", false, true},
		{"cluster/kubeproxy", "cluster/kubelet", false, false},
		{"cluster/apiserver/storage", "cluster/etcd", false, true},
		{"cluster/client", "cluster/etcd", false, false},
		{"cluster/api", "cluster/client", false, false},
		{"cluster/etcd/check", "cluster/etcd", false, true},
		{"cluster/etcd/check", "cluster/watchcheck", false, true},
		{"cluster/etcd/mvcc", "cluster/watchcheck", false, false},
		{"cluster/client", "cluster/watchcheck", false, false},
		{"cluster/watchcheck", "cluster/etcd", false, false},
		{"cluster", "cluster/watchcheck", false, true},
	}
	for _, c := range cases {
		if why := verdict(c.from, c.to, c.test); (why == "") != c.ok {
			t.Errorf("%s importing %s (test file: %v): verdict %q, want allowed %v", c.from, c.to, c.test, why, c.ok)
		}
	}
}

// Every fixture's comments say what must be reported in it.
func TestFixtures(t *testing.T) {
	for _, path := range []string{"sim/upward", "cluster/scheduler/sideways", "cluster/controller/store"} {
		t.Run(path, func(t *testing.T) { analysistest.Run(t, analysistest.TestData(), Analyzer, module+path) })
	}
}
