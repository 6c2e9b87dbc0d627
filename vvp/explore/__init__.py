"""See the collection: the fused vectors reduced, laid out, clustered and described. Plain Python, no Ray.

collection.py  workspace → what is looked at         explore.py   the whole way: Collection → Atlas
placer.py      a new video's place, by one rule      layout.py    UMAP, and what it keeps of PCA
clusters.py    KMeans over K, HDBSCAN                describe.py  what a cluster is, words.py its words
variance.py    what PCA keeps                        store.py     the files of map/
parallel.py    one function over many jobs
"""
