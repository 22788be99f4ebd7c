package schedulerperf_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/workloads/schedulerperf"
)

func read(name string) ([]byte, error) { return os.ReadFile(filepath.FromSlash(name)) }

func load(t *testing.T, file string) []*schedulerperf.Case {
	t.Helper()
	cases, err := schedulerperf.Load(file, read)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestRun runs a case in the form of upstream's, twice: the same items.
func TestRun(t *testing.T) {
	c := load(t, "testdata/performance-config.yaml")[0]
	for i := range c.Workloads[:2] {
		items, err := schedulerperf.Run(c, &c.Workloads[i], 1)
		if err != nil {
			t.Fatal(err)
		}
		again, err := schedulerperf.Run(c, &c.Workloads[i], 1)
		if err != nil || !bytes.Equal(items.JSON(), again.JSON()) {
			t.Errorf("another result the second time: %v %s", err, again.JSON())
		}
		var parsed schedulerperf.DataItems
		if err := json.Unmarshal(items.JSON(), &parsed); err != nil || parsed.Version != "v1" {
			t.Fatal(err, parsed)
		}
		if i == 1 && (len(parsed.DataItems) != 1 || parsed.DataItems[0].Data["Average"] <= 0 || parsed.DataItems[0].Unit != "pods/s" ||
			parsed.DataItems[0].Labels["Name"] != "Basic/100Nodes" || parsed.DataItems[0].Labels["Metric"] != "SchedulingThroughput") {
			t.Errorf("%s", items.JSON())
		}
	}
}

func TestRefusals(t *testing.T) {
	cases := load(t, "testdata/performance-config.yaml")
	for _, test := range []struct {
		c        *schedulerperf.Case
		workload int
		want     string
	}{
		{cases[0], 2, "feature gate SchedulerAsyncAPICalls=true: only its default"},
		{cases[1], 0, "Churning/Any: opcode churn is not modelled"},
	} {
		if _, err := schedulerperf.Run(test.c, &test.c.Workloads[test.workload], 1); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	_, err := schedulerperf.Load("f", func(string) ([]byte, error) { return []byte("- name: x\n  workloadz: []\n"), nil })
	if err == nil || !strings.Contains(err.Error(), "workloadz") {
		t.Error(err)
	}
}
