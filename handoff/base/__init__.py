"""What every other package uses: problems, files, text."""
