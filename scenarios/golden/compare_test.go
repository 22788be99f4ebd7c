package golden

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// clone copies a transcript so that a test can change it.
func clone(t *testing.T, from *Transcript) *Transcript {
	t.Helper()
	data, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	var to Transcript
	if err := json.Unmarshal(data, &to); err != nil {
		t.Fatal(err)
	}
	return &to
}

func TestATranscriptEqualsItself(t *testing.T) {
	r := tiny(t)
	table := Compare(r, clone(t, r), nil)
	if table.Count(Equal) == 0 || table.Count(Equal) != len(table.Rows) {
		t.Errorf("%s", table)
	}
}

// What no two runs have in common does not make a difference.
func TestRandomnessIsNoDifference(t *testing.T) {
	r := tiny(t)
	text := strings.NewReplacer(`"x2x4z"`, `"zz777"`, "-x2x4z", "-zz777", "2026-11-21", "2026-01-01", "node-1", "node-7", `"uid":"3"`, `"uid":"9"`)
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var other Transcript
	if err := json.Unmarshal([]byte(text.Replace(string(data))), &other); err != nil {
		t.Fatal(err)
	}
	if table := Compare(r, &other, nil); table.Count(Different) != 0 {
		t.Errorf("%s", table)
	}
}

// Everything that is compared can differ.
func TestPlantedDifferences(t *testing.T) {
	status := func(c *Change) map[string]any { return c.Object["status"].(map[string]any) }
	meta := func(c *Change) map[string]any { return c.Object["metadata"].(map[string]any) }
	for name, planted := range map[string]struct {
		change func(*Transcript)
		item   string
	}{
		"a request is missing":        {func(r *Transcript) { r.Requests = r.Requests[:2] }, "requests system:kube-scheduler create pods/binding 201"},
		"a request fails":             {func(r *Transcript) { r.Requests[1].Code = 403 }, "requests replicaset-controller (kube-controller-manager/v1.36.3) create pods 403"},
		"a hash differs":              {func(r *Transcript) { meta(&r.Changes[1])["name"] = "web-def" }, "objects ReplicaSet/web-def"},
		"a revision differs":          {func(r *Transcript) { meta(&r.Changes[1])["annotations"] = map[string]any{} }, "revisions ReplicaSet/web-abc"},
		"a condition differs":         {func(r *Transcript) { status(&r.Changes[5])["conditions"] = []any{} }, "objects Deployment/web"},
		"a settled count differs":     {func(r *Transcript) { status(&r.Changes[5])["replicas"] = 2.0 }, "objects Deployment/web"},
		"a pod's phase differs":       {func(r *Transcript) { status(&r.Changes[4])["phase"] = "Running" }, "objects Pod/web-abc-*"},
		"a pod comes in another step": {func(r *Transcript) { r.Changes[2].At = 4 * time.Second }, "objects Pod/web-abc-* created"},
		"an Event's message differs":  {func(r *Transcript) { r.Changes[3].Object["message"] = "Created" }, "events ReplicaSet/web-abc Normal SuccessfulCreate from replicaset-controller"},
		"an Event's count differs":    {func(r *Transcript) { r.Changes[3].Object["count"] = 2.0 }, "events ReplicaSet/web-abc Normal SuccessfulCreate from replicaset-controller"},
		"an Event's source differs":   {func(r *Transcript) { r.Changes[3].Object["source"] = map[string]any{"component": "x"} }, "events ReplicaSet/web-abc Normal SuccessfulCreate from x for replicaset-controller"},
		"an effect before its cause":  {func(r *Transcript) { r.Changes[2].Revision = 9 }, "order a pod is created for a ReplicaSet"},
		"a wait is longer":            {func(r *Transcript) { r.Steps[0].Waits[0].At += 2 * time.Second }, "times create: until [ $(kubectl -n $NS get pods -o name | wc -l) = 1 ]"},
		"a change is later":           {func(r *Transcript) { r.Changes[5].At += 2 * time.Second }, "times Deployment/web, condition Available, number 0 in \"create\""},
		"a command fails":             {func(r *Transcript) { r.Steps[0].Code = 1 }, "output create"},
		"a command says otherwise":    {func(r *Transcript) { r.Steps[1].Output = r.Steps[1].Output[:1] }, "output apply what comes in"},
		"an object at the end":        {func(r *Transcript) { r.Final[1]["data"] = map[string]any{} }, "final ConfigMap/c"},
	} {
		r := tiny(t)
		other := clone(t, r)
		planted.change(other)
		found := false
		table := Compare(r, other, Tolerances())
		for _, row := range table.Rows {
			found = found || row.Verdict == Different && row.Item == planted.item
		}
		if !found {
			t.Errorf("%s: want %q to be different:\n%s", name, planted.item, table)
		}
	}
}

// Counters may take another way to the same end, and only that is tolerated.
func TestCoalescedHistories(t *testing.T) {
	r := tiny(t)
	between := clone(t, r).Changes[5]
	between.At, between.Revision = 550*time.Millisecond, 14
	between.Object["status"] = map[string]any{"replicas": 7.0}
	other := clone(t, r)
	other.Changes = append(other.Changes, between)
	table := Compare(r, other, Tolerances())
	if table.Count(Different) != 0 || table.Count(Tolerated) != 1 {
		t.Errorf("%s", table)
	}
}

func TestTimesMayDifferByATenthOrLessThanASecond(t *testing.T) {
	for _, c := range []struct {
		a, b time.Duration
		same bool
	}{
		{0, 999 * time.Millisecond, true}, {0, time.Second, false}, {5 * time.Second, 5900 * time.Millisecond, true},
		{20 * time.Second, 22 * time.Second, true}, {20 * time.Second, 23 * time.Second, false}, {300 * time.Second, 271 * time.Second, true},
	} {
		if sameTime(c.a, c.b) != c.same || sameTime(c.b, c.a) != c.same {
			t.Errorf("%v and %v: want the same: %t", c.a, c.b, c.same)
		}
	}
}

// Each reordering of three names comes up once, their own first.
func TestReordered(t *testing.T) {
	names, seen := []string{"a", "b", "c"}, map[string]bool{}
	for n := range 6 {
		seen[strings.Join(reordered(names, n), "")] = true
	}
	if len(seen) != 6 || strings.Join(reordered(names, 0), "") != "abc" {
		t.Errorf("%v", seen)
	}
}

func TestShellExpandsVariables(t *testing.T) {
	s := &shell{variables: map[string]string{"p": "web-1"}}
	if got, err := s.expand(`echo '{"name":"'$p'"}' | kubectl create --raw /api/v1/namespaces/x/pods/$p/eviction -f -`); err != nil ||
		got != `echo '{"name":"web-1"}' | kubectl create --raw /api/v1/namespaces/x/pods/web-1/eviction -f -` {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := s.expand("echo $(date)"); err == nil {
		t.Error("$(date) is expanded")
	}
}
