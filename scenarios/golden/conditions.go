package golden

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/client-go/util/jsonpath"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
)

// condition tells whether what a step waits for holds: in the committed state, or as a command of the shell sees it.
type condition func(*shell, *cluster.Store) bool

// The recordings' conditions, one shape each; kubectl get stands in all of them.
var (
	equals        = regexp.MustCompile(`^\[ "\$\(kubectl -n (\S+) get (\S+) (\S+) -o jsonpath='(.*)'\)" = (\S+) \]$`)
	counts        = regexp.MustCompile(`^\[ \$\(kubectl -n (\S+) get pods (?:--field-selector spec.nodeName=(\S+) )?-o name \| wc -l\) = (\d+) \]$`)
	rolledOut     = regexp.MustCompile(`^kubectl -n (\S+) rollout status (\w+)/(\S+) --timeout=1s$`)
	gone          = regexp.MustCompile(`^! kubectl get ns (\S+) >/dev/null 2>&1$`)
	matches       = regexp.MustCompile(`^kubectl get (\S+) (\S+) -o jsonpath='(.*)' \| grep -q '?([^']*)'?$`)
	matchesOnNode = regexp.MustCompile(`^kubectl -n (\S+) get pods --field-selector spec.nodeName=(\S+) -o jsonpath='\{\.items\[\*\](.*)\}' \| grep -q (\S+)$`)
)

// parseCondition reads a line of shell that waits in the namespace.
func parseCondition(text, namespace string) (condition, error) {
	text = strings.ReplaceAll(text, "$NS", namespace)
	var all []condition
	for part := range strings.SplitSeq(text, " && ") {
		c, err := parseTest(part)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return func(sh *shell, s *cluster.Store) bool {
		for _, c := range all {
			if !c(sh, s) {
				return false
			}
		}
		return true
	}, nil
}

func parseTest(text string) (condition, error) {
	if m := equals.FindStringSubmatch(text); m != nil {
		value, err := field(m[2], m[1]+"/"+m[3], m[4])
		return func(_ *shell, s *cluster.Store) bool { return value(s) == m[5] }, err
	}
	if m := counts.FindStringSubmatch(text); m != nil {
		want, err := strconv.Atoi(m[3])
		return func(_ *shell, s *cluster.Store) bool { return len(pods(s, m[1], m[2])) == want }, err
	}
	if m := rolledOut.FindStringSubmatch(text); m != nil && strings.HasPrefix(m[2], "deploy") {
		return func(sh *shell, _ *cluster.Store) bool { return sh.succeeds(text) }, nil
	}
	if m := gone.FindStringSubmatch(text); m != nil {
		return func(_ *shell, s *cluster.Store) bool { _, ok := s.Get(api.Namespaces, m[1]); return !ok }, nil
	}
	if m := matchesOnNode.FindStringSubmatch(text); m != nil {
		return func(_ *shell, s *cluster.Store) bool {
			for _, o := range pods(s, m[1], m[2]) {
				if strings.Contains(evaluate("{"+m[3]+"}", o), m[4]) {
					return true
				}
			}
			return false
		}, nil
	}
	if m := matches.FindStringSubmatch(text); m != nil {
		value, err := field(m[1], m[2], m[3])
		pattern, bad := regexp.Compile(m[4])
		if bad != nil {
			err = bad
		}
		return func(_ *shell, s *cluster.Store) bool { return pattern.MatchString(value(s)) }, err
	}
	return nil, fmt.Errorf("golden: no condition is known like %s", text)
}

// pods are a namespace's, on a node unless that is empty.
func pods(s *cluster.Store, namespace, node string) []Object {
	var found []Object
	for _, o := range s.List(api.Pods, namespace, nil) {
		if object := objectOf(api.Pods, o); node == "" || object.text("spec", "nodeName") == node {
			found = append(found, object)
		}
	}
	return found
}

// field reads a JSONPath of an object, empty where it is absent.
func field(kind, key, path string) (func(*cluster.Store) string, error) {
	r := api.ForName(kind)
	if r == nil {
		return nil, fmt.Errorf("golden: %s is not served", kind)
	}
	if err := jsonpath.New("condition").Parse(path); err != nil {
		return nil, err
	}
	return func(s *cluster.Store) string {
		o, ok := s.Get(r, key)
		if !ok {
			return ""
		}
		return evaluate(path, objectOf(r, o))
	}, nil
}

// evaluate prints a JSONPath of an object as kubectl does.
func evaluate(path string, o Object) string {
	p := jsonpath.New("condition").AllowMissingKeys(true)
	var text strings.Builder
	if err := p.Parse(path); err != nil {
		panic(fmt.Sprintf("golden: jsonpath %s: %v", path, err))
	}
	if err := p.Execute(&text, map[string]any(o)); err != nil {
		return ""
	}
	return text.String()
}
