"""What the README's figures come from: `python -m benchmarks`, or `make bench`.

Ours, in float32 and bfloat16, against two baselines that stand in `stock.py`: B0 does what the
`run_*_no_trainer.py` scripts of `transformers` do, B1 is the same with every switch that their
users have. Arms take turns on the same weights and the same examples.
"""
