package reports

import (
	"bytes"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write the goldens anew")

func sample(seed uint64, v Verdict) *Report {
	f := func(x float64) *float64 { return &x }
	r := &Report{
		Version: Version, Scenario: Scenario{Name: "shop", File: "shop.yaml", Hash: "00ff"}, Seed: seed, Mode: "benchmark", Verdict: v,
		Repeat: "fauxkube run shop.yaml --seed 3", Digest: "0123456789abcdef", Outcome: "fedcba9876543210",
		SimulatedSeconds: 300, Steps: 1_200_000,
		Cluster:  Cluster{Kubernetes: "v1.36", APIServers: 2, EtcdMembers: 3, Nodes: 3, DefaultImages: []string{"nginx:1.25"}},
		Timeline: []Step{{ID: "up", What: "kubectl apply -f shop.yaml", Verdict: Held, Started: f(0), Ended: f(.1), Convergence: f(4.2)}},
		Expectations: []Expectation{
			{ID: "web | is up", Kind: "eventually", Text: "get('Deployment', 'shop/web').status.availableReplicas == 2", Verdict: v, At: f(4.2)},
		},
		Latencies: []Latency{{Name: "pod_startup", Count: 2, P50: 1500, P90: 2500, P99: 2500, Max: 2500}},
		Requests:  []Requests{{Client: "kubectl", Verb: "create", Resource: "deployments", Code: 201, Count: 1}, {Client: "kubectl", Verb: "get", Resource: "deployments", Code: 404, Count: 1}},
		Store:     Store{Revision: 120, Keys: 60, LeaderChanges: 1, Fsyncs: 300},
		Costs:     []Cost{{Operation: "apiserver.decode", Count: 100, CPUSeconds: .25, Share: .5}},
	}
	if v == Failed {
		r.Expectations[0].Message = "still false 3m0s after up, at 3m0.1s \x01"
		r.Expectations[0].Sides = []string{"get('Deployment', 'shop/web').status.availableReplicas is 1"}
	}
	r.SetHost(500 * time.Millisecond)
	return r
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s", file, got)
	}
}

func TestTerminal(t *testing.T) {
	for _, v := range []Verdict{Held, Failed} {
		var out bytes.Buffer
		if err := sample(3, v).WriteTerminal(&out, false); err != nil {
			t.Fatal(err)
		}
		golden(t, "terminal-"+string(v)+".txt", out.Bytes())
		lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
		if last := lines[len(lines)-1]; last != "digest: 0123456789abcdef" {
			t.Errorf("the last line is %q", last)
		}
	}
}

func TestJUnitIsWellFormedAndRedWhereSomethingFailed(t *testing.T) {
	var out bytes.Buffer
	if err := WriteJUnit(&out, []*Report{sample(1, Held), sample(2, Failed), sample(3, Failed)}); err != nil {
		t.Fatal(err)
	}
	var suites struct {
		Suite []struct {
			Failures int    `xml:"failures,attr"`
			Name     string `xml:"name,attr"`
			Case     []struct {
				Name    string `xml:"name,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(out.Bytes(), &suites); err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	suite := suites.Suite[0]
	if suite.Failures != 1 || len(suite.Case) != 2 || suite.Case[1].Failure != nil {
		t.Errorf("the suite is %+v", suite)
	}
	if want := "failing seeds: 2 3; repeat with: fauxkube run shop.yaml --seed 3"; suite.Case[0].Failure == nil || suite.Case[0].Failure.Message != want {
		t.Errorf("the failure is %+v, want %s", suite.Case[0].Failure, want)
	}
}

func TestMarkdown(t *testing.T) {
	var out bytes.Buffer
	if err := WriteMarkdown(&out, []*Report{sample(1, Held), sample(2, Failed)}); err != nil {
		t.Fatal(err)
	}
	golden(t, "summary.md", out.Bytes())
}

func TestReportsComeBackFromJSON(t *testing.T) {
	want := sample(1, Failed)
	got, err := Parse(want.JSON())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.JSON(), want.JSON()) {
		t.Error("the report changed on its way through JSON")
	}
	for _, text := range []string{"{}", `{"version": "fauxkube.dev/report/v9"}`, "digest: 1"} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s was taken for a report", text)
		}
	}
}
