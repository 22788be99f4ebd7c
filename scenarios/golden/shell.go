package golden

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/scenarios/kubectl"
	"github.com/fauxkube/fauxkube/sim"
)

// shell carries out the commands of a recording: kubectl, and of the shell around it what the recordings use.
type shell struct {
	task      *sim.Task
	client    *client.Client
	read      func(path string) ([]byte, error)
	variables map[string]string
	// pace, where it is set, waits before each write until it came in the recording: kubectl takes its time to start, and
	// between the objects of a file.
	pace func()

	output []string
	code   int
}

var (
	hereDocument = regexp.MustCompile(`(?s)^cat <<'X' \| (.*?)\n(.*)\nX$`)
	forLoop      = regexp.MustCompile(`^for (\w+) in (\$\(.*?\)); do (.*?) ?; done$`)
	assignment   = regexp.MustCompile(`^(\w+)=(\$\(.*\))$`)
	podNames     = regexp.MustCompile(`\$\(kubectl -n (\S+) get pods -o name \| head -(\d+) \| cut -d/ -f2\)`)
	nodesScript  = regexp.MustCompile(`^\./nodes\.py (\d+) (\d+) (\S+) (\S+) (\d+)$`)
	rawEviction  = regexp.MustCompile(`^kubectl create (?:-v=8 )?--raw /api/v1/namespaces/(\S+)/pods/(\S+)/eviction -f -`)
	timeLimit    = regexp.MustCompile(`^timeout (\d+) (.*)$`)
)

// run carries out a script. The error is one of the script, not of a command in it: that is the exit status.
func (s *shell) run(script string) error {
	if match := hereDocument.FindStringSubmatch(script); match != nil {
		return s.kubectl(match[1], []byte(match[2]))
	}
	if match := forLoop.FindStringSubmatch(script); match != nil {
		names, err := s.expand(match[2])
		if err != nil {
			return err
		}
		for name := range strings.FieldsSeq(names) {
			s.variables[match[1]] = name
			if err := s.run(match[3]); err != nil {
				return err
			}
		}
		return nil
	}
	for command := range strings.SplitSeq(script, ";") {
		if err := s.command(strings.TrimSpace(command)); err != nil {
			return err
		}
	}
	return nil
}

// command carries out one pipeline.
func (s *shell) command(line string) error {
	if match := assignment.FindStringSubmatch(line); match != nil {
		value, err := s.expand(match[2])
		s.variables[match[1]] = value
		return err
	}
	line, err := s.expand(line)
	if err != nil {
		return err
	}
	if line == "true" {
		return nil
	}
	if text, ok := strings.CutPrefix(line, "sleep "); ok {
		n, err := strconv.Atoi(text)
		s.task.Sleep(time.Duration(n) * time.Second)
		return err
	}
	var input []byte
	stages := strings.Split(line, " | ")
	switch first := stages[0]; {
	case strings.HasPrefix(first, "echo '"):
		input, stages = []byte(strings.Trim(strings.TrimPrefix(first, "echo "), "'")), stages[1:]
	case nodesScript.MatchString(first):
		input, stages = nodeManifests(nodesScript.FindStringSubmatch(first)), stages[1:]
	}
	return s.kubectl(stages[0], input)
}

// expand replaces variables and the listing of the first pods.
func (s *shell) expand(text string) (string, error) {
	var problem error
	text = podNames.ReplaceAllStringFunc(text, func(part string) string {
		match := podNames.FindStringSubmatch(part)
		n, _ := strconv.Atoi(match[2])
		pods, err := client.ListAll[*corev1.Pod](s.task, s.client, api.Pods, match[1], nil)
		if err != nil {
			problem = err
		}
		var names []string
		for _, p := range pods[:min(n, len(pods))] {
			names = append(names, p.Name)
		}
		return strings.Join(names, " ")
	})
	for _, name := range sortedKeys(s.variables) {
		text = strings.ReplaceAll(text, "'$"+name+"'", s.variables[name])
		text = strings.ReplaceAll(text, "$"+name, s.variables[name])
	}
	if problem == nil && strings.Contains(text, "$(") {
		problem = fmt.Errorf("golden: the shell of the recordings has no %s", text)
	}
	return text, problem
}

// kubectl carries out one kubectl command.
func (s *shell) kubectl(line string, input []byte) error {
	if match := rawEviction.FindStringSubmatch(line); match != nil {
		return s.evict(match[1], match[2], strings.Contains(line, "-v=8"))
	}
	if documents := s.documents(line, input); len(documents) > 1 {
		for _, document := range documents {
			if err := s.kubectl(applyInput.ReplaceAllString(line, "-f -"), document); err != nil {
				return err
			}
		}
		return nil
	}
	limited := false
	if match := timeLimit.FindStringSubmatch(line); match != nil {
		line, limited = match[2]+" --timeout="+match[1]+"s", true
	}
	command, err := kubectl.Parse(line, kubectl.Files{Read: s.read, Stdin: input})
	if err != nil {
		return err
	}
	s.wait()
	output, err := command.Run(s.task, s.client)
	s.print(output)
	s.code = 0
	if err != nil {
		s.code = 1
		if limited {
			s.code = 124 // What timeout(1) exits with.
		} else {
			s.print("error: " + err.Error())
		}
	}
	return nil
}

func (s *shell) wait() {
	if s.pace != nil {
		s.pace()
	}
}

// applyInput is what a manifest comes from.
var applyInput = regexp.MustCompile(`-f (\S+)`)

// documents are those of the manifest that a line applies.
func (s *shell) documents(line string, input []byte) [][]byte {
	match := applyInput.FindStringSubmatch(line)
	if match == nil || !strings.Contains(line, " apply ") {
		return nil
	}
	if match[1] != "-" {
		var err error
		if input, err = s.read(match[1]); err != nil {
			return nil // kubectl will say so.
		}
	}
	documents, err := api.Documents(input)
	if err != nil {
		return nil
	}
	return documents
}

// succeeds carries out a command and forgets what it printed.
func (s *shell) succeeds(line string) bool {
	command, err := kubectl.Parse(line, kubectl.Files{Read: s.read})
	if err != nil {
		return false
	}
	_, err = command.Run(s.task, s.client)
	return err == nil
}

func (s *shell) print(text string) {
	if text != "" {
		s.output = append(s.output, strings.Split(text, "\n")...)
	}
}

// evict posts an Eviction as kubectl create --raw does, which prints the Status that comes back.
func (s *shell) evict(namespace, pod string, verbose bool) error {
	command, err := kubectl.Parse("kubectl -n "+namespace+" evict "+pod, kubectl.Files{})
	if err != nil {
		return err
	}
	s.wait()
	_, err = command.Run(s.task, s.client)
	s.code = 0
	switch {
	case err == nil:
		s.print(`{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201}`)
	case verbose:
		// The pipe's last command, grep, ends well.
		s.print(`"Response Body" body=<`)
		s.print("\t" + statusJSON(err))
	default:
		s.code = 1
	}
	return nil
}

// nodeManifests is what the recorder's script prints: nodes.py COUNT FIRST CPU MEMORY PODS.
func nodeManifests(arguments []string) []byte {
	count, _ := strconv.Atoi(arguments[1])
	first, _ := strconv.Atoi(arguments[2])
	resources := fmt.Sprintf(`{"cpu":"%s","ephemeral-storage":"100Gi","memory":"%s","pods":"%s"}`, arguments[3], arguments[4], arguments[5])
	var documents []string
	for i := first; i < first+count; i++ {
		documents = append(documents, fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-%d",`+
			`"annotations":{"kwok.x-k8s.io/node":"fake","node.alpha.kubernetes.io/ttl":"0"},`+
			`"labels":{"kubernetes.io/arch":"amd64","kubernetes.io/hostname":"node-%[1]d","kubernetes.io/os":"linux","kwok-managed":"true",`+
			`"topology.kubernetes.io/region":"r1","topology.kubernetes.io/zone":"zone-%c","type":"kwok"}},`+
			`"status":{"allocatable":%s,"capacity":%[3]s}}`, i, 'a'+i%3, resources))
	}
	return []byte(strings.Join(documents, "\n---\n"))
}

// statusJSON is the Status that an error came as.
func statusJSON(err error) string {
	var status *apierrors.StatusError
	if !errors.As(err, &status) {
		return err.Error()
	}
	s := status.ErrStatus
	s.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	data, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("golden: a Status cannot be encoded: %v", err))
	}
	return string(data)
}
