// Command promql evaluates queries, with Prometheus' own parser and engine, over series that were scraped.
//
// Standard input: {"scrapes": [{"text", "at", "labels"}], "queries": [{"query", "at"}]}; `at` is in Unix seconds, and
// `labels` are what a scrape configuration adds. Standard output: for each query {"error", "selectors", "samples"}.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
)

type scrape struct {
	Text   string            `json:"text"`
	At     int64             `json:"at"`
	Labels map[string]string `json:"labels"`
}

type query struct {
	Query string `json:"query"`
	At    int64  `json:"at"`
}

type selector struct {
	Name   string   `json:"name"`
	Labels []string `json:"labels"`
}

type sample struct {
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"-"`
}

type result struct {
	Error     string     `json:"error,omitempty"`
	Selectors []selector `json:"selectors"`
	// Labels that are grouped or matched by, in the whole of the query.
	Grouping []string `json:"grouping"`
	Samples  []sample `json:"samples"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var input struct {
		Scrapes []scrape `json:"scrapes"`
		Queries []query  `json:"queries"`
	}
	if err := json.NewDecoder(in).Decode(&input); err != nil {
		return err
	}
	directory, err := os.MkdirTemp("", "promql-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	database, err := tsdb.Open(directory, slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		return err
	}
	defer database.Close()
	for _, one := range input.Scrapes {
		if err := take(database, one); err != nil {
			return err
		}
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 10_000_000, Timeout: time.Minute})
	results := []result{}
	for _, one := range input.Queries {
		results = append(results, answer(engine, database, one))
	}
	return json.NewEncoder(out).Encode(results)
}

func take(database *tsdb.DB, one scrape) error {
	appender := database.Appender(context.Background())
	lines, err := textparse.New([]byte(one.Text), "text/plain", labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return err
	}
	for {
		entry, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return appender.Commit()
		}
		if err != nil {
			return err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		_, _, value := lines.Series()
		var series labels.Labels
		lines.Labels(&series)
		builder := labels.NewBuilder(series)
		for name, text := range one.Labels {
			builder.Set(name, text)
		}
		if _, err := appender.Append(0, builder.Labels(), one.At*1000, value); err != nil {
			return fmt.Errorf("%s: %w", series, err)
		}
	}
}

func answer(engine *promql.Engine, database *tsdb.DB, one query) result {
	expression, err := parser.NewParser(parser.Options{}).ParseExpr(one.Query)
	if err != nil {
		return result{Error: err.Error()}
	}
	found := result{Selectors: selectorsOf(expression), Grouping: groupingOf(expression), Samples: []sample{}}
	prepared, err := engine.NewInstantQuery(context.Background(), database, nil, one.Query, time.Unix(one.At, 0))
	if err != nil {
		found.Error = err.Error()
		return found
	}
	defer prepared.Close()
	outcome := prepared.Exec(context.Background())
	if outcome.Err != nil {
		found.Error = outcome.Err.Error()
		return found
	}
	switch value := outcome.Value.(type) {
	case promql.Vector:
		for _, each := range value {
			found.Samples = append(found.Samples, sample{Labels: each.Metric.Map(), Value: each.F})
		}
	case promql.Scalar:
		found.Samples = append(found.Samples, sample{Labels: map[string]string{}, Value: value.V})
	default:
		found.Error = fmt.Sprintf("a %s is nothing to show", outcome.Value.Type())
	}
	return found
}

func selectorsOf(expression parser.Expr) []selector {
	all := []selector{}
	for _, matchers := range parser.ExtractSelectors(expression) {
		one := selector{Labels: []string{}}
		for _, matcher := range matchers {
			if matcher.Name == labels.MetricName {
				one.Name = matcher.Value
			} else {
				one.Labels = append(one.Labels, matcher.Name)
			}
		}
		all = append(all, one)
	}
	return all
}

func groupingOf(expression parser.Expr) []string {
	all := []string{}
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		switch each := node.(type) {
		case *parser.AggregateExpr:
			all = append(all, each.Grouping...)
		case *parser.BinaryExpr:
			if each.VectorMatching != nil {
				all = append(all, each.VectorMatching.MatchingLabels...)
			}
		}
		return nil
	})
	return all
}
