package compare

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/workloads/openb"
)

// folder holds a trace of 4 nodes with 2 GPUs each.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	nodes := "sn,cpu_milli,memory_mib,gpu,model\n"
	for i := range 4 {
		nodes += fmt.Sprintf("n%d,32000,65536,2,T4\n", i)
	}
	pods := "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n"
	for i := range 16 {
		pods += fmt.Sprintf("p%02d,%d,1024,1,%d\n", i, 1000+500*(i%3), 1000-150*(i%4))
	}
	for name, content := range map[string]string{openb.NodeFile: nodes, "pods.csv": pods} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func small(t *testing.T) *Openb {
	t.Helper()
	s, err := published.Subject(Options{Trace: folder(t), Pods: []string{"pods.csv"}, Schedulers: []string{"fgd", "bestfit", "random"}, Seeds: []uint64{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Openb)
}

func runAll(t *testing.T, s Subject, cells []Cell) []comparison.Run {
	t.Helper()
	var runs []comparison.Run
	for _, c := range cells {
		r, err := s.Run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
	}
	return runs
}

// Every run is in exactly one shard, and shards differ by one run at most.
func TestShardsAreAPartition(t *testing.T) {
	cells := Cells(small(t).Header())
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.IntRange(1, 12).Draw(t, "of")
		var all []Cell
		for i := 1; i <= of; i++ {
			part := Shard{i, of}.Part(cells)
			if spare := len(part) - len(cells)/of; spare < 0 || spare > 1 {
				t.Fatalf("shard %d/%d has %d of %d runs", i, of, len(part), len(cells))
			}
			all = append(all, part...)
		}
		slices.SortFunc(all, func(a, b Cell) int { return slices.Index(cells, a) - slices.Index(cells, b) })
		if !slices.Equal(all, cells) {
			t.Fatalf("%d shards have %v", of, all)
		}
	})
	if got := (Shard{}).Part(cells); len(got) != len(cells) {
		t.Errorf("no shard has %d of %d runs", len(got), len(cells))
	}
}

func TestParseShard(t *testing.T) {
	for _, text := range []string{"", "1", "0/3", "4/3", "-1/3", "1/3/5", "a/b", "1/", "1.5/2"} {
		if s, err := ParseShard(text); err == nil {
			t.Errorf("%q is taken for %v", text, s)
		}
	}
	if s, err := ParseShard("2/3"); err != nil || s != (Shard{2, 3}) || s.String() != "2/3" {
		t.Errorf("2/3: %v, %v", s, err)
	}
}

// The parts of a comparison, each written and read back, make the document of the whole.
func TestMergedShardsAreTheWhole(t *testing.T) {
	s := small(t)
	whole := comparison.New(s.Header(), s.Metrics(), runAll(t, s, Cells(s.Header())))
	var parts []Part
	for i := 3; i >= 1; i-- {
		d := comparison.New(s.Header(), s.Metrics(), runAll(t, s, Shard{i, 3}.Part(Cells(s.Header()))))
		d.Partial = "shard"
		back, err := comparison.Decode(bytes.NewReader(d.JSON()))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, Part{fmt.Sprint("part", i), back})
	}
	merged, err := Merge(parts)
	if err != nil || !bytes.Equal(merged.JSON(), whole.JSON()) {
		t.Errorf("merged: %v", err)
	}
	if _, err := Merge(append(parts, parts[0])); err != nil {
		t.Errorf("the same part twice: %v", err)
	}
	if _, err := Merge(parts[:2]); err == nil || err.Error() != "3 of 9 runs are in none of the files, the first of them scenario pods, scheduler fgd, seed 1" {
		t.Errorf("a part is missing: %v", err)
	}
}

func TestMergeRefusesWhatDoesNotBelongTogether(t *testing.T) {
	s := small(t)
	runs := runAll(t, s, Cells(s.Header()))
	document := func(change func(*comparison.Header), runs []comparison.Run) *comparison.Document {
		h := s.Header()
		if change != nil {
			change(&h)
		}
		return comparison.New(h, s.Metrics(), runs)
	}
	forged := slices.Clone(runs)
	forged[4].Measures = slices.Clone(forged[4].Measures)
	forged[4].Measures[7].Value++
	for _, test := range []struct {
		name  string
		other *comparison.Document
		want  string
	}{
		{"another binary", document(func(h *comparison.Header) { h.Binary = "x" }, runs), "a and b are not of one comparison: they differ in the binary that ran it"},
		{"other seeds", document(func(h *comparison.Header) { h.Seeds = []uint64{9} }, runs), "they differ in seeds"},
		{"another trace", document(func(h *comparison.Header) { h.Scenarios[0].Hash = "x" }, runs), "they differ in scenarios"},
		{"other ties", document(func(h *comparison.Header) { h.Ties = "x" }, runs), "they differ in the rule for ties"},
		{"another value", document(nil, forged), "a and b disagree on scenario pods, scheduler bestfit, seed 2: one of them was changed, or runs of this binary do not repeat"},
	} {
		if _, err := Merge([]Part{{"a", document(nil, runs)}, {"b", test.other}}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

// Whatever length a journal was cut to, what is resumed from it makes the same document.
func TestJournalResumesFromAnyCut(t *testing.T) {
	s := small(t)
	cells := Cells(s.Header())
	runs := runAll(t, s, cells)
	want := comparison.New(s.Header(), s.Metrics(), runs).JSON()
	path := filepath.Join(t.TempDir(), "result.json.runs")
	j, found, err := OpenJournal(path, s.Header())
	if err != nil || len(found) != 0 {
		t.Fatalf("a new journal: %v, %d runs", err, len(found))
	}
	for _, r := range runs[:6] {
		if err := j.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(data); cut >= 0; cut -= 1 + len(data)/40 {
		if err := os.WriteFile(path, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		j, found, err := OpenJournal(path, s.Header())
		if err != nil {
			t.Fatalf("cut to %d of %d bytes: %v", cut, len(data), err)
		}
		for _, r := range runAll(t, s, Without(cells, found)) {
			found = append(found, r)
			if err := j.Append(r); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(comparison.New(s.Header(), s.Metrics(), found).JSON(), want) {
			t.Fatalf("cut to %d of %d bytes: another document", cut, len(data))
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if again, all, err := OpenJournal(path, s.Header()); err != nil || len(all) != len(cells) {
			t.Fatalf("cut to %d of %d bytes and resumed: %v, %d runs", cut, len(data), err, len(all))
		} else if err := again.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a removed journal: %v", err)
	}
}

func TestJournalsOfSomethingElseAreRefused(t *testing.T) {
	s := small(t)
	path := filepath.Join(t.TempDir(), "j")
	other := s.Header()
	other.Schedulers = other.Schedulers[:2]
	header := comparison.New(other, s.Metrics(), nil)
	j, _, err := OpenJournal(path, header.Header)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ data, want string }{
		{string(kept), "holds finished runs of another comparison, which differs in schedulers"},
		{"some text\n", "is not a list of finished runs"},
		{string(kept) + "not a run\n", ""},
	} {
		if err := os.WriteFile(path, []byte(test.data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := OpenJournal(path, s.Header()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %s", test.data, err, test.want)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != test.data {
			t.Errorf("%q was changed to %q (%v)", test.data, now, err)
		}
	}
	if err := os.WriteFile(path, append(kept, "not a run\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenJournal(path, header.Header); err == nil || !strings.Contains(err.Error(), "line 2 is damaged") {
		t.Errorf("a damaged line: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	dir := folder(t)
	good := Options{Trace: dir, Pods: []string{"pods.csv"}, Schedulers: []string{"fgd"}, Seeds: []uint64{1}}
	for _, test := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Schedulers = []string{"fdg"} }, `no policy is called "fdg"`},
		{func(o *Options) { o.Schedulers = []string{"fgd", "fgd"} }, "scheduler fgd is named twice"},
		{func(o *Options) { o.Schedulers = []string{Bound} }, "name at least one scheduler"},
		{func(o *Options) { o.Ties = "coin" }, `ties are not broken by "coin" here: want one of name, random`},
		{func(o *Options) { o.Trace = "" }, "compare openb wants --trace FOLDER"},
		{func(o *Options) { o.Scenarios = []string{"quickstart"} }, "compare openb takes no scenarios"},
		{func(o *Options) { o.Seeds = []uint64{3, 3} }, "seed 3 is named twice"},
		{func(o *Options) { o.Seeds = []uint64{math.MaxUint64} }, "is too large"},
		{func(o *Options) { o.Pods = []string{"pods.csv", "pods.csv"} }, "pods pods.csv are named twice"},
		{func(o *Options) { o.Seeds = nil }, "name at least one seed"},
		{func(o *Options) { o.Pods = []string{"none.csv"} }, "none.csv cannot be read: no such file or directory"},
		{func(o *Options) { o.Trace = dir + "/none" }, "cannot be read: no such file or directory"},
	} {
		o := good
		test.change(&o)
		if _, err := published.Subject(o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	if _, err := published.Subject(good); err != nil {
		t.Error(err)
	}
}

// The rows of a run hold both curves, whole, and the end state under its published names.
func TestMeasuresOfARun(t *testing.T) {
	s := small(t)
	r, err := s.Run(t.Context(), Cell{"fgd", "pods", 1})
	if err != nil {
		t.Fatal(err)
	}
	ends := map[string]float64{}
	for _, m := range r.Measures {
		if m.At == nil {
			ends[m.Metric] = m.Value
		}
	}
	if len(ends) != 5 || ends["pods"] != float64(r.Decisions) || ends["used_gpu_milli"] <= 0 || ends["used_cpu_milli"] <= 0 || ends["used_mem_bytes"] <= 0 {
		t.Errorf("end state %v", ends)
	}
	for _, m := range s.Metrics() {
		if !slices.ContainsFunc(r.Measures, func(x comparison.Measure) bool { return x.Metric == m.Name }) {
			t.Errorf("no %s", m.Name)
		}
	}
}
