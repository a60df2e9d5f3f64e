package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
)

// fill writes the answers into a file of questions, in place of those that are there.
//
// In `expressions.txt` an answer is a line of its own after the expression; one that begins with `!` is
// not the real server's. In `objects.txt` it is the member `wrong` of the question.
func fill(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var out strings.Builder
	var q question
	q.Mode = "expr"
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "= "):
			continue
		case line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "! "):
		case strings.HasPrefix(line, "schema "):
			q.Schema = json.RawMessage(strings.TrimPrefix(line, "schema "))
		case strings.HasPrefix(line, "value "):
			q.Value = json.RawMessage(strings.TrimPrefix(line, "value "))
		case strings.HasPrefix(line, `{"what"`):
			if line, err = filled(line); err != nil {
				return err
			}
		default:
			q.Rule = line
			line += "\n= " + encoded(answer(q))
		}
		out.WriteString(line + "\n")
	}
	return os.WriteFile(file, []byte(out.String()), 0o644)
}

// filled replaces the answer in a question.
func filled(line string) (string, error) {
	var q question
	if err := json.Unmarshal([]byte(line), &q); err != nil {
		return "", err
	}
	before, _, isAnswered := strings.Cut(line, `, "wrong": `)
	if !isAnswered {
		before = strings.TrimSuffix(line, "}")
	}
	return before + `, "wrong": ` + encoded(answer(q)) + "}", nil
}

func encoded(v any) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(out.String())
}
