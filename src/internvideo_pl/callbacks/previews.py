"""Pictures"""
import lightning as L
class Previews(L.Callback):
    def __init__(self, folder): self.folder = folder
