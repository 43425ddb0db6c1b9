"""What a person sees at the end."""
from internvideo_pl.tables.benchmark import benchmark_table
from internvideo_pl.tables.render import print_table
def summarize(plan, finished, folder):
    rows=[row for run in finished for row in run.rows]
    print_table(benchmark_table(rows, plan.name, all_metrics=True))
