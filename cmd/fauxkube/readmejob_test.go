package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/scenarios/compare"
)

// readmeJob is the README's Job that splits a comparison over machines, with the claim that it needs.
func readmeJob(t *testing.T) (*batchv1.Job, *corev1.PersistentVolumeClaim) {
	t.Helper()
	_, rest, _ := strings.Cut(readme(t), "```yaml\napiVersion: v1\nkind: PersistentVolumeClaim\n")
	text, _, found := strings.Cut("apiVersion: v1\nkind: PersistentVolumeClaim\n"+rest, "```")
	first, second, both := strings.Cut(text, "---\n")
	if !found || !both {
		t.Fatal("the README shows no Job with its claim")
	}
	claim, job := &corev1.PersistentVolumeClaim{}, &batchv1.Job{}
	if err := yaml.UnmarshalStrict([]byte(first), claim); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict([]byte(second), job); err != nil {
		t.Fatal(err)
	}
	return job, claim
}

// What `kubectl apply` would make of it: an Indexed Job with an index for each part.
func TestReadmeJobIsIndexed(t *testing.T) {
	job, claim := readmeJob(t)
	pod := &job.Spec.Template.Spec
	env := map[string]string{}
	for _, v := range pod.Containers[0].Env {
		env[v.Name] = v.Value
	}
	switch s := &job.Spec; {
	case job.APIVersion != "batch/v1" || job.Kind != "Job":
		t.Errorf("it is a %s %s", job.APIVersion, job.Kind)
	case s.CompletionMode == nil || *s.CompletionMode != batchv1.IndexedCompletion:
		t.Error("its completion mode is not Indexed: pods would get no JOB_COMPLETION_INDEX")
	case s.Completions == nil || s.Parallelism == nil || *s.Completions != *s.Parallelism || fmt.Sprint(*s.Completions) != env["PARTS"]:
		t.Errorf("completions %v, parallelism %v, parts %s", s.Completions, s.Parallelism, env["PARTS"])
	case pod.RestartPolicy != corev1.RestartPolicyOnFailure:
		t.Error("a pod that is stopped would not resume")
	case pod.Volumes[0].PersistentVolumeClaim.ClaimName != claim.Name || claim.Spec.AccessModes[0] != corev1.ReadWriteMany:
		t.Error("its pods share no volume")
	case pod.Containers[0].VolumeMounts[0].MountPath != env["RESULTS"]:
		t.Errorf("results go to %s, the volume is at %s", env["RESULTS"], pod.Containers[0].VolumeMounts[0].MountPath)
	}
}

// Its commands are ones that this program takes, its comparison can be made.
func TestReadmeJobNamesWhatExists(t *testing.T) {
	job, _ := readmeJob(t)
	container := &job.Spec.Template.Spec.Containers[0]
	root := (&app{out: os.Stdout, err: os.Stderr}).rootCommand()
	lines := regexp.MustCompile(`fauxkube (compare|merge) (.*)`).FindAllStringSubmatch(strings.ReplaceAll(container.Args[0], "$COMPARE", container.Env[0].Value), -1)
	if len(lines) != 2 {
		t.Fatalf("%d commands of fauxkube in\n%s", len(lines), container.Args[0])
	}
	for _, line := range lines {
		words := strings.Fields(strings.NewReplacer("$((JOB_COMPLETION_INDEX + 1))", "1", "$PARTS", container.Env[1].Value).Replace(line[2]))
		command, _, err := root.Find([]string{line[1]})
		if err != nil {
			t.Fatal(err)
		}
		if err := command.ParseFlags(words); err != nil {
			t.Errorf("fauxkube %s: %v", line[0], err)
		}
	}
	kind, scenarios := compare.KindOf([]string{"packing", "zone-spread"})
	if _, err := kind.Subject(compare.Options{Scenarios: scenarios, Seeds: []uint64{1}}); err != nil {
		t.Error(err)
	}
}

// The script does its work: parts, whichever comes last, and the whole.
func TestReadmeJobWorks(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	job, _ := readmeJob(t)
	programs, results := t.TempDir(), t.TempDir()
	if err := os.Symlink(self, filepath.Join(programs, "fauxkube")); err != nil {
		t.Skip(err)
	}
	for _, index := range []int{2, 0, 3, 1} {
		c := exec.Command(shell, "-ec", job.Spec.Template.Spec.Containers[0].Args[0])
		c.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "COMPARE=synthetic --nodes 20 --scheduler fgd,random --seeds 4",
			"PARTS=4", "RESULTS="+results, fmt.Sprint("JOB_COMPLETION_INDEX=", index))
		if output, err := c.CombinedOutput(); err != nil {
			t.Fatalf("index %d: %v\n%s", index, err, output)
		}
	}
	d, err := comparison.Decode(bytes.NewReader(read(t, filepath.Join(results, "result.json"))))
	if err != nil || len(d.Runs()) != 8 || d.Partial != "" {
		t.Errorf("%d runs, partial %q, %v", len(d.Runs()), d.Partial, err)
	}
	read(t, filepath.Join(results, "report.html"))
}
