package kubectl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// Command is a checked argument line.
type Command struct {
	// Line is the line as written.
	Line string

	verb    *verb
	args    []string
	options options
	// objects are what the manifests hold, read when the command was parsed.
	objects []Manifest
}

// options are the flags; each verb takes some of them.
type options struct {
	namespace       string
	files           []string
	selector        string
	all             bool
	replicas        int
	currentReplicas int
	patch           string
	patchType       string
	subresource     string
	overwrite       bool
	force           bool
	gracePeriod     int64
	wait            bool
	timeout         time.Duration
	ignoreNotFound  bool
	cascade         string
	toRevision      int64
	ignoreDaemonSet bool
	deleteEmptyDir  bool
	disableEviction bool
	conditions      []string
	images          []string
	literals        []string
}

// verb is one subcommand.
type verb struct {
	name  string
	flags func(*pflag.FlagSet, *options)
	// usage says what the arguments are; want checks their number.
	usage string
	least int
	run   func(*execution) error
}

// execution is one command on its way.
type execution struct {
	*Command
	task   *sim.Task
	client *client.Client
	out    strings.Builder
}

func (e *execution) printf(format string, args ...any) { fmt.Fprintf(&e.out, format+"\n", args...) }

// Files reads what -f names.
type Files struct {
	// Read returns a file's content; paths are as written in the command.
	Read func(path string) ([]byte, error)
	// Stdin is what -f - reads; nil if there is nothing.
	Stdin []byte
	// SkipUnknownKinds leaves out objects whose kind is not served and hands their names to Skipped.
	SkipUnknownKinds bool
	Skipped          func(name string)
}

// Parse checks a line, with or without a leading "kubectl", and reads its manifests. The error says what is wrong
// and what would be right.
func Parse(line string, files Files) (*Command, error) {
	words, err := split(line)
	if err != nil {
		return nil, err
	}
	if len(words) > 0 && words[0] == "kubectl" {
		words = words[1:]
	}
	// Global flags may stand before the verb, as in -n shop apply: move them behind it.
	words = verbFirst(words)
	v, rest := lookup(words)
	if v == nil {
		return nil, fmt.Errorf("kubectl %s: not one of the commands that are simulated: %s", line, strings.Join(verbNames(), ", "))
	}
	c := &Command{Line: line, verb: v}
	flags := pflag.NewFlagSet(v.name, pflag.ContinueOnError)
	flags.SetOutput(&strings.Builder{})
	flags.Usage = func() {}
	flags.StringVarP(&c.options.namespace, "namespace", "n", "default", "")
	v.flags(flags, &c.options)
	if err := flags.Parse(rest); err != nil {
		return nil, fmt.Errorf("kubectl %s: %v", line, err)
	}
	c.args = flags.Args()
	if len(c.options.files) > 0 {
		if c.objects, err = readManifests(c.options.files, c.options.namespace, flags.Changed("namespace"), files); err != nil {
			return nil, fmt.Errorf("kubectl %s: %w", line, err)
		}
	} else if len(c.args) < v.least {
		return nil, fmt.Errorf("kubectl %s: want kubectl %s %s", line, v.name, v.usage)
	}
	return c, c.checkResources()
}

// checkResources refuses arguments that name a kind which is not served.
func (c *Command) checkResources() error {
	if !strings.HasPrefix(c.verb.usage, "TYPE") {
		return nil
	}
	for i, arg := range c.args {
		name, _, pair := strings.Cut(arg, "/")
		if !pair && i > 0 {
			break
		}
		for kind := range strings.SplitSeq(name, ",") {
			if pair && strings.Contains(name, "=") || kind == "all" {
				continue
			}
			if api.ForName(kind) == nil {
				return fmt.Errorf("kubectl %s: the server doesn't have a resource type %q", c.Line, kind)
			}
		}
		if !pair {
			break
		}
	}
	return nil
}

// Run executes the command and returns what kubectl prints.
func (c *Command) Run(t *sim.Task, k *client.Client) (string, error) {
	e := &execution{Command: c, task: t, client: k}
	err := c.verb.run(e)
	return strings.TrimRight(e.out.String(), "\n"), err
}

// ReadsStdin reports whether the command reads what Files.Stdin holds.
func (c *Command) ReadsStdin() bool { return slices.Contains(c.options.files, "-") }

// OnlyLooks reports whether the command waits and reads, and changes nothing.
func (c *Command) OnlyLooks() bool { return c.verb.name == "rollout status" || c.verb.name == "wait" }

// unrepeatable are the commands that do something else the second time.
var unrepeatable = []string{"rollout restart", "rollout undo", "evict"}

// Repeatable reports whether the command may be run again where it is not known what the first run has done.
func (c *Command) Repeatable() bool { return !slices.Contains(unrepeatable, c.verb.name) }

// split breaks a line into words as a shell does: white space separates, quotes hold together.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord := false
	var quote rune
	for _, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("kubectl %s: a quote %c is not closed", line, quote)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// verbFirst moves a namespace flag that stands before the verb behind it.
func verbFirst(words []string) []string {
	var leading []string
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		n := 1
		if (words[0] == "-n" || words[0] == "--namespace") && len(words) > 1 {
			n = 2
		}
		leading = append(leading, words[:n]...)
		words = words[n:]
	}
	if len(words) == 0 {
		return leading
	}
	return append(slices.Clone(words), leading...)
}

// lookup finds the verb of one or two words.
func lookup(words []string) (*verb, []string) {
	for n := min(2, len(words)); n > 0; n-- {
		if v := verbs()[strings.Join(words[:n], " ")]; v != nil {
			return v, words[n:]
		}
	}
	return nil, nil
}

func verbNames() []string { return slices.Sorted(maps.Keys(verbs())) }
