package comparison

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// lineWidth is where sentences are broken.
const lineWidth = 118

// WriteTerminal renders the comparison for people: the verdict first. Color is used for the conclusion only.
func (d *Document) WriteTerminal(w io.Writer, color bool) error {
	var b strings.Builder
	b.WriteString(wrap(d.heading(), ""))
	b.WriteString(wrap(d.tieRule(), ""))
	for i, s := range d.sections() {
		table := aligned(s.header, s.rows)
		if line, _, _ := strings.Cut(table, "\n"); len(s.narrow) > 0 && utf8.RuneCountInString(line) > lineWidth {
			table, s.title = aligned(s.header, s.narrow), s.narrowTitle
		}
		fmt.Fprintf(&b, "\n%s\n", s.title)
		for j, line := range s.lines {
			text := wrap(line, "  ")
			if color && i == 0 && j == 0 {
				text = "\x1b[1m" + strings.TrimSuffix(text, "\n") + "\x1b[0m\n"
			}
			b.WriteString(text)
		}
		b.WriteString(table)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks text between words; lines after the first are indented further.
func wrap(text, indent string) string {
	var b strings.Builder
	line := indent
	for i, word := range strings.Fields(text) {
		if i > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > lineWidth {
			b.WriteString(line + "\n")
			line = indent + "  " + word
			continue
		}
		if i > 0 {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}

// aligned renders a table with columns as wide as they need: names to the left, the rest to the right.
func aligned(header []string, rows [][]string) string {
	if len(rows) == 0 {
		return ""
	}
	names := nameColumns(header)
	lines := append([][]string{header}, rows...)
	widths := make([]int, len(header))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, line := range lines {
		text := " "
		for i, cell := range line {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if names[i] {
				text += " " + cell + padding + " "
			} else {
				text += " " + padding + cell + " "
			}
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	return b.String()
}

// nameColumns are the columns that hold words.
func nameColumns(header []string) []bool {
	words := make([]bool, len(header))
	for i, title := range header {
		words[i] = i == 0 || title == "against" || title == "verdict"
	}
	return words
}

// WriteMarkdown renders the same for a step summary or a pull request.
func (d *Document) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n", escape(d.heading()), escape(d.tieRule()))
	for i, s := range d.sections() {
		fmt.Fprintf(&b, "\n## %s\n\n", escape(s.title))
		for j, line := range s.lines {
			if i == 0 && j == 0 {
				fmt.Fprintf(&b, "**%s**\n\n", escape(line))
			} else {
				fmt.Fprintf(&b, "- %s\n", escape(line))
			}
		}
		if len(s.rows) == 0 {
			continue
		}
		if len(s.lines) > 0 {
			b.WriteByte('\n')
		}
		markdownRow(&b, s.header)
		for i, words := range nameColumns(s.header) {
			if i == 0 {
				b.WriteByte('|')
			}
			if words {
				b.WriteString("---|")
			} else {
				b.WriteString("--:|")
			}
		}
		b.WriteByte('\n')
		for _, row := range s.rows {
			markdownRow(&b, row)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownRow(b *strings.Builder, cells []string) {
	for _, cell := range cells {
		fmt.Fprintf(b, "| %s ", escape(cell))
	}
	b.WriteString("|\n")
}

// escape keeps text from being taken for a table's border or for markup.
func escape(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "\n", " ").Replace(text)
}

// Brief is the conclusion in a line for each scenario; of a part of a comparison, what there is.
func (d *Document) Brief() string {
	if d.Partial != "" {
		return fmt.Sprintf("%s; outcome %s", d.Partial, d.Outcome)
	}
	var lines []string
	for _, s := range d.Scenarios {
		line := d.conclusion(s.Name)
		if len(d.Scenarios) > 1 {
			line = s.Name + ": " + line
		}
		lines = append(lines, line)
	}
	return strings.Join(append(lines, "outcome "+d.Outcome), "\n")
}
