"""Scores a table of encoded images on Spark with a registered model, and says how many are right.

    python docs/scale_out.py --data data/oxford-iiit-pet

The model comes from the tracking store that `MLFLOW_TRACKING_URI` names (default: `mlflow.db` here).
See docs/scale-out.md for the packages.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import mlflow
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, struct


def main():
    arguments = parsed()
    start = time.perf_counter()
    # The workers need the packages of this Python, not of the first one in the path.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # Everything runs on this machine; on a cluster, spark-submit says where.
    spark = (
        SparkSession.builder.master(arguments.master)
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        # Else one task for each path, only to see that it is there.
        .config("spark.sql.sources.parallelPartitionDiscovery.threshold", "1000000")
        # A batch of images is large: fewer rows go from Java to Python at once.
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "64")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    table = images(spark, arguments.data, arguments.split)
    # `local`: the workers have the model's packages already, instead of installing them.
    classify = mlflow.pyfunc.spark_udf(
        spark, arguments.model, result_type="class string, probability double", env_manager="local"
    )
    scored = table.select("path", classify(struct("image")).alias("answer"))
    rows = scored.select("path", "answer.class", "answer.probability").collect()
    seconds = time.perf_counter() - start
    spark.stop()
    report(rows, arguments, seconds)


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="models:/oxford_pet_classifier@champion", help="the model's URI")
    parser.add_argument("--data", type=Path, required=True, help="folder of the Oxford-IIIT Pet data set")
    parser.add_argument("--split", choices=["test", "trainval"], default="test")
    parser.add_argument("--master", default="local[*]", help="where Spark runs")
    parser.add_argument("--predictions", type=Path, help="write each image's class there, as JSON")
    return parser.parse_args()


def images(spark, data, split):
    """A table with the column `image` of bytes, and `path`."""
    lines = (data / "annotations" / f"{split}.txt").read_text().splitlines()
    names = [line.split()[0] for line in lines if line and not line.startswith("#")]
    paths = [str((data / "images" / f"{name}.jpg").resolve()) for name in names]
    partitions = spark.sparkContext.defaultParallelism
    table = spark.read.format("binaryFile").load(paths).repartition(partitions)
    return table.select("path", col("content").alias("image"))


def breed(path):
    """`…/american_bulldog_146.jpg` shows an `American Bulldog`."""
    words = os.path.basename(path).rsplit("_", 1)[0].split("_")
    return " ".join(word.capitalize() for word in words)


def report(rows, arguments, seconds):
    right = sum(row["class"] == breed(row["path"]) for row in rows)
    if arguments.predictions:
        answers = {os.path.basename(row["path"]): row["class"] for row in rows}
        arguments.predictions.write_text(json.dumps(answers, indent=1, sort_keys=True))
    print(json.dumps({
        "images": len(rows),
        "right": right,
        "accuracy": right / len(rows),
        "seconds": round(seconds, 1),
    }))


if __name__ == "__main__":
    main()
